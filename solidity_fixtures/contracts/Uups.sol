// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Where proxies keep the address of their code: keccak256("eip1967.proxy.implementation") - 1 (ERC-1967).
bytes32 constant IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

/// Everything but its own storage is the implementation's (ERC-1967).
contract Proxy {
    event Upgraded(address indexed implementation);

    constructor(address implementation, bytes memory initialise) payable {
        assembly ("memory-safe") {
            sstore(IMPLEMENTATION, implementation)
        }
        emit Upgraded(implementation);
        (bool done, bytes memory why) = implementation.delegatecall(initialise);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(why, 32), mload(why))
            }
        }
    }

    fallback() external payable {
        assembly ("memory-safe") {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), sload(IMPLEMENTATION), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}

/// An implementation that changes itself (ERC-1822).
abstract contract Upgradeable {
    address private immutable _self = address(this);
    address public owner;
    uint64 internal _initialised;

    event Upgraded(address indexed implementation);

    error AlreadyInitialised(uint64 version);
    error NotOwner(address caller);
    error NotAnImplementation(address given);
    error OnlyByProxy();

    modifier initialiser(uint64 version) {
        require(_initialised < version, AlreadyInitialised(_initialised));
        _initialised = version;
        _;
    }

    constructor() {
        // The implementation itself cannot be taken over.
        _initialised = type(uint64).max;
    }

    function proxiableUUID() external view returns (bytes32) {
        require(address(this) == _self, OnlyByProxy());
        return IMPLEMENTATION;
    }

    function upgradeToAndCall(address implementation, bytes calldata data) external payable {
        require(address(this) != _self, OnlyByProxy());
        require(msg.sender == owner, NotOwner(msg.sender));
        try Upgradeable(implementation).proxiableUUID() returns (bytes32 slot) {
            require(slot == IMPLEMENTATION, NotAnImplementation(implementation));
        } catch {
            revert NotAnImplementation(implementation);
        }
        assembly ("memory-safe") {
            sstore(IMPLEMENTATION, implementation)
        }
        emit Upgraded(implementation);
        if (data.length == 0) return;
        (bool done, bytes memory why) = implementation.delegatecall(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(why, 32), mload(why))
            }
        }
    }
}

contract BoxV1 is Upgradeable {
    uint256 public value;

    function initialise(address owner_) external initialiser(1) {
        owner = owner_;
    }

    function store(uint256 value_) external {
        value = value_;
    }

    function version() external pure virtual returns (uint256) {
        return 1;
    }
}

/// The same storage and one slot more.
contract BoxV2 is BoxV1 {
    uint256 public factor;

    function initialiseV2(uint256 factor_) external initialiser(2) {
        factor = factor_;
    }

    function multiply() external returns (uint256) {
        return value *= factor;
    }

    function version() external pure override returns (uint256) {
        return 2;
    }
}
