// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Fails in every way, at any depth: what a failure says comes up through all frames.
contract Errors {
    error Plain();
    error Detailed(address who, uint256 depth, bytes32 tag, string text, bytes data);

    event Caught(uint256 indexed kind, bytes why);

    uint256[] private _list;
    uint256 public survived;

    /// Calls itself `depth` times, then fails as `kind` says.
    function fail(uint256 kind, uint256 depth) public {
        survived += 1;
        if (depth > 0) return this.fail(kind, depth - 1);
        if (kind == 0) revert Plain();
        if (kind == 1) revert Detailed(msg.sender, depth, keccak256("tag"), "a text of more than thirty-two bytes", hex"c0ffee");
        if (kind == 2) revert("a reason");
        if (kind == 3) revert(string(new bytes(1000)));
        if (kind == 4) revert();
        if (kind == 5) assert(survived == 0);
        if (kind == 6) survived -= survived + 1;
        if (kind == 7) _list.pop();
        if (kind == 8) survived = _list[survived];
        if (kind == 9) {
            assembly {
                invalid()
            }
        }
        if (kind == 10) {
            while (true) survived += 1;
        }
        if (kind == 11) {
            assembly {
                sstore(0, mload(not(0)))
            }
        }
        if (kind == 12) {
            assembly {
                returndatacopy(0, 0, add(returndatasize(), 1))
            }
        }
        if (kind == 13) {
            (bool written,) = address(this).staticcall(abi.encodeCall(this.fail, (99, 0)));
            require(written, "no writing in a static call");
        }
        if (kind == 14) survived = abi.decode(hex"ff", (uint256));
        if (kind == 15) {
            (bool paid,) = msg.sender.call{value: 1}("");
            require(paid, "no ether to give");
        }
    }

    /// The same, caught: what the inner frames did is undone, what this one does stays.
    function caught(uint256 kind, uint256 depth, uint256 gas_) external returns (bytes memory why) {
        try this.fail{gas: gas_}(kind, depth) {}
        catch (bytes memory data) {
            why = data;
        }
        survived += 1000;
        emit Caught(kind, why);
    }

    /// Halfway up somebody catches, changes something and fails with another error.
    function translated(uint256 kind) external {
        try this.fail(kind, 3) {}
        catch Error(string memory reason) {
            revert Detailed(address(this), 1, 0, reason, "");
        } catch Panic(uint256 code) {
            revert Detailed(address(this), code, 0, "panic", "");
        } catch (bytes memory data) {
            revert Detailed(address(this), 2, 0, "other", data);
        }
    }
}
