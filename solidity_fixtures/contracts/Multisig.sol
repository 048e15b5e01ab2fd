// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Does what enough of its owners signed (EIP-712), each thing once.
contract Multisig {
    bytes32 private constant DOMAIN = keccak256("EIP712Domain(uint256 chainId,address verifyingContract)");
    bytes32 private constant TRANSACTION =
        keccak256("Transaction(address to,uint256 value,bytes data,uint256 nonce)");
    /// Half of the curve's order: a signature has one form (EIP-2).
    uint256 private constant HALF = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    mapping(address => bool) public isOwner;
    uint256 public immutable threshold;
    uint256 public nonce;

    event Executed(uint256 indexed nonce, address indexed to, bytes result);

    error BadSignature(uint256 index);
    error NotAnOwner(address signer);
    error OutOfOrder(address signer);
    error TooFew(uint256 given, uint256 needed);

    constructor(address owner0, address owner1, address owner2, uint256 threshold_) payable {
        isOwner[owner0] = isOwner[owner1] = isOwner[owner2] = true;
        threshold = threshold_;
    }

    /// What the owners sign.
    function digest(address to, uint256 value, uint256 nonce_, bytes calldata data) public view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN, block.chainid, address(this)));
        bytes32 content = keccak256(abi.encode(TRANSACTION, to, value, keccak256(data), nonce_));
        return keccak256(abi.encodePacked(hex"1901", domain, content));
    }

    /// `signatures`: r, s, v (65 bytes) each, by signers in rising order.
    function execute(address to, uint256 value, bytes calldata data, bytes calldata signatures)
        external
        returns (bytes memory result)
    {
        uint256 given = signatures.length / 65;
        require(given >= threshold, TooFew(given, threshold));
        bytes32 hash = digest(to, value, nonce, data);
        address last = address(0);
        for (uint256 i = 0; i < given; ++i) {
            bytes calldata signature = signatures[65 * i:65 * (i + 1)];
            bytes32 s = bytes32(signature[32:64]);
            address signer = ecrecover(hash, uint8(signature[64]), bytes32(signature[:32]), s);
            require(signer != address(0) && uint256(s) <= HALF, BadSignature(i));
            require(isOwner[signer], NotAnOwner(signer));
            require(signer > last, OutOfOrder(signer));
            last = signer;
        }
        uint256 used = nonce++;
        bool done;
        (done, result) = to.call{value: value}(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
        emit Executed(used, to, result);
    }

    receive() external payable {}
}
