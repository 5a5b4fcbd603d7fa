// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Program registry
/// @notice Publishes a program's bytes in events. Whether the program is valid is not judged here: claiming an invalid one is what gets slashed.
interface IProgramRegistry {
    /// @notice The program was registered before.
    error ProgramAlreadyRegistered(bytes32 programRoot);
    /// @notice Mirrors are of registered programs.
    error ProgramNotRegistered(bytes32 programRoot);
    /// @notice The interface table is not the summary's.
    error InterfaceHashMismatch(bytes32 expected, bytes32 computed);
    /// @notice One list of records and one of bindings per segment.
    error SegmentCountMismatch(uint256 expected, uint256 actual);
    /// @notice The bindings are not the segment's.
    error BindingsHashMismatch(uint256 segment, bytes32 expected, bytes32 computed);
    /// @notice The segment has another number of records.
    error RecordCountMismatch(uint256 segment, uint256 expected, uint256 actual);
    /// @notice The records do not lead to the segment's records root.
    error RecordsRootMismatch(uint256 segment, bytes32 expected, bytes32 computed);
    /// @notice A record is 48 bytes and 48 for each of the operands it counts.
    error RecordLengthInvalid(uint256 segment, uint256 index, uint256 expected, uint256 actual);
    /// @notice A record counts more operands than a primitive may have.
    error RecordOperandsTooMany(uint256 segment, uint256 index, uint256 operands);
    /// @notice The scalar program has more bytes than a valid one.
    error ScalarTooLong(uint256 index, uint256 length);
    /// @notice Scalar programs are sent in ascending order of their hashes, each once.
    error ScalarsNotAscending(uint256 index, bytes32 previous, bytes32 current);
    /// @notice A record names a scalar program that was not sent.
    error ScalarMissing(uint256 segment, uint256 index, bytes32 scalarHash);

    /// @param contentHash keccak256(abi.encode(records, scalars)) of what ProgramPublished carries.
    /// @param mirrors Where the model that lowers to the program can be fetched.
    event ProgramRegistered(
        bytes32 indexed programRoot,
        address indexed publisher,
        bytes summary,
        bytes interfaceTable,
        bytes[] bindings,
        bytes32 contentHash,
        string[] mirrors
    );
    /// @notice Follows ProgramRegistered: what a registration by a contract hides in its calldata.
    event ProgramPublished(bytes32 indexed programRoot, bytes[][] records, bytes[] scalars);
    event ProgramMirrored(bytes32 indexed programRoot, address indexed publisher, string[] mirrors);

    /// @notice Publishes a program after recomputing every hash under its root.
    /// @param summary Preimage of the program root.
    /// @param interfaceTable Preimage of the summary's interface hash.
    /// @param bindings Per segment.
    /// @param records Per segment, in order of their index.
    /// @param scalars Every scalar program that a record names, in ascending order of their hashes.
    /// @param mirrors Where the model that lowers to the program can be fetched; others can be added with `mirror`.
    function register(
        bytes calldata summary,
        bytes calldata interfaceTable,
        bytes[] calldata bindings,
        bytes[][] calldata records,
        bytes[] calldata scalars,
        string[] calldata mirrors
    ) external returns (bytes32 programRoot);

    /// @notice Names more mirrors of a registered program: whoever registers first must not fix them for all. Anyone may
    /// call; whom to believe is the reader's choice.
    function mirror(bytes32 programRoot, string[] calldata mirrors) external;

    /// @notice Whether the program's bytes were published.
    function isRegistered(bytes32 programRoot) external view returns (bool);
}
