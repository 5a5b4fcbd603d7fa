// What rows of the gas benchmark may use at most.

export const GOALS: Readonly<Record<string, number>> = {
  opening: 85_000,
  demand: 60_000,
  "claim-commit": 60_000,
  "claim-reveal": 150_000,
  "leaf-dot-1024": 490_000,
  "leaf-dot-4096": 1_500_000,
  "fma-step": 170,
  "dispute-interactive-gpt2": 1_200_000,
  "dispute-openings-gpt2": 6,
  "dispute-direct-gpt2": 600_000,
};
