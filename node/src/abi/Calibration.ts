// Generated from the contracts by scripts/generators/abi.ts; do not edit.
export const calibrationAbi = [
  {
    "inputs": [
      {
        "internalType": "contract IReferee",
        "name": "referee",
        "type": "address"
      },
      {
        "components": [
          {
            "components": [
              {
                "internalType": "bytes32",
                "name": "programRoot",
                "type": "bytes32"
              },
              {
                "internalType": "bytes32",
                "name": "inputsRoot",
                "type": "bytes32"
              },
              {
                "internalType": "bytes32",
                "name": "traceRoot",
                "type": "bytes32"
              },
              {
                "internalType": "uint32",
                "name": "steps",
                "type": "uint32"
              },
              {
                "internalType": "bool",
                "name": "deferred",
                "type": "bool"
              },
              {
                "internalType": "uint32",
                "name": "postedStep",
                "type": "uint32"
              },
              {
                "internalType": "bytes32",
                "name": "postedRoot",
                "type": "bytes32"
              }
            ],
            "internalType": "struct ClaimView",
            "name": "claim",
            "type": "tuple"
          },
          {
            "internalType": "bytes",
            "name": "proof",
            "type": "bytes"
          }
        ],
        "internalType": "struct Leaf[]",
        "name": "leaves",
        "type": "tuple[]"
      }
    ],
    "stateMutability": "nonpayable",
    "type": "constructor"
  },
  {
    "inputs": [
      {
        "internalType": "uint256",
        "name": "leaf",
        "type": "uint256"
      },
      {
        "components": [
          {
            "internalType": "uint32",
            "name": "step",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "primitive",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "element",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "claimed",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "computed",
            "type": "uint32"
          }
        ],
        "internalType": "struct Fault",
        "name": "expected",
        "type": "tuple"
      },
      {
        "components": [
          {
            "internalType": "uint32",
            "name": "step",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "primitive",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "element",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "claimed",
            "type": "uint32"
          },
          {
            "internalType": "uint32",
            "name": "computed",
            "type": "uint32"
          }
        ],
        "internalType": "struct Fault",
        "name": "actual",
        "type": "tuple"
      }
    ],
    "name": "FaultMismatch",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint256",
        "name": "expected",
        "type": "uint256"
      },
      {
        "internalType": "uint256",
        "name": "actual",
        "type": "uint256"
      }
    ],
    "name": "LeafCountMismatch",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint256",
        "name": "leaf",
        "type": "uint256"
      },
      {
        "internalType": "bytes",
        "name": "reason",
        "type": "bytes"
      }
    ],
    "name": "LeafNotJudged",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint256",
        "name": "leaf",
        "type": "uint256"
      },
      {
        "internalType": "uint256",
        "name": "gasUsed",
        "type": "uint256"
      },
      {
        "internalType": "uint256",
        "name": "limit",
        "type": "uint256"
      }
    ],
    "name": "LeafTooDear",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint256",
        "name": "leaf",
        "type": "uint256"
      },
      {
        "internalType": "bytes32",
        "name": "expected",
        "type": "bytes32"
      },
      {
        "internalType": "bytes32",
        "name": "actual",
        "type": "bytes32"
      }
    ],
    "name": "LeafUnknown",
    "type": "error"
  },
  {
    "inputs": [
      {
        "internalType": "uint256",
        "name": "index",
        "type": "uint256"
      }
    ],
    "name": "NoSuchLeaf",
    "type": "error"
  },
  {
    "anonymous": false,
    "inputs": [
      {
        "indexed": true,
        "internalType": "uint256",
        "name": "leaf",
        "type": "uint256"
      },
      {
        "indexed": false,
        "internalType": "uint256",
        "name": "gasUsed",
        "type": "uint256"
      },
      {
        "indexed": false,
        "internalType": "uint256",
        "name": "limit",
        "type": "uint256"
      }
    ],
    "name": "LeafJudged",
    "type": "event"
  },
  {
    "inputs": [],
    "name": "GAS_PER_PROOF_BYTE",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "MARGIN",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  },
  {
    "inputs": [],
    "name": "TRANSACTION_GAS",
    "outputs": [
      {
        "internalType": "uint256",
        "name": "",
        "type": "uint256"
      }
    ],
    "stateMutability": "view",
    "type": "function"
  }
] as const;
