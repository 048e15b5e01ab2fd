// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// OpenZeppelin's ERC-721; anyone may mint.
contract Erc721 is ERC721 {
    constructor() ERC721("Fixture Badge", "BADGE") {}

    function mint(address to, uint256 id) external {
        _safeMint(to, id);
    }
}
