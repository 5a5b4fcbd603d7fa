/**
 * An engine whose helper threads are replaced where they are lost, so that a process that lives for months does not stay on one
 * thread for a fault of one moment. What is loaded right after a loss has no threads: a run that is tried again comes to its
 * end even where threads fail each time, and such threads are tried less and less often.
 */
import { ThreadLostError, type Engine } from "../engine/index.ts";

/** An engine with threads of its own. */
export interface ThreadedEngine extends Engine {
  /** Whether its threads are of no more use. */
  readonly areThreadsLost: boolean;
  /** Ends the threads; machines that are loaded go on without. */
  stop(): Promise<void>;
}

/**
 * Loads with what `start` gives, which is asked again after a loss; it throws ThreadLostError where threads do not start, and
 * gives null where they are of no use. Then, and after losses, `alone` loads.
 */
export function renewedEngine(alone: Engine, start: () => ThreadedEngine | null): Engine {
  let threaded: ThreadedEngine | null | undefined;
  let losses = 0;
  // Programs to be loaded without threads: one after the first loss, then two, then four ...
  let rest = 0;
  const lose = (): void => {
    threaded = undefined;
    rest = 2 ** losses++;
  };
  const startAgain = (): void => {
    try {
      threaded = start();
    } catch (error) {
      if (!(error instanceof ThreadLostError)) throw error;
      lose();
    }
  };
  return {
    load(program, options) {
      if (threaded?.areThreadsLost === true) {
        void threaded.stop();
        lose();
      }
      if (threaded === undefined && rest === 0) startAgain();
      if (threaded === undefined) rest--;
      return (threaded ?? alone).load(program, options);
    },
  };
}
