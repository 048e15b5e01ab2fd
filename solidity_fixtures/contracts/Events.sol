// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Logs with none to four topics, and an indexed parameter of every kind.
contract Events {
    enum Colour { Red, Green, Blue }

    struct Point {
        int64 x;
        int64 y;
    }

    event Empty();
    event Numbers(uint256 indexed a, int256 indexed b, uint8 indexed c, int8 d);
    event Words(address indexed who, bool indexed yes, bytes32 indexed word, bytes4 part);
    event Texts(string indexed text, bytes indexed data, string plain, bytes raw);
    event Lists(uint256[] indexed list, uint16[3] indexed three, uint256[] plain);
    event Structs(Point indexed point, Colour indexed colour, Point plain);
    event Functions(function(uint256) external indexed callback);
    event Unnamed(uint256 indexed a, uint256 indexed b, uint256 indexed c, uint256 indexed d) anonymous;
    event Bare(uint256 a, bytes b) anonymous;

    function numbers(uint256 a, int256 b, uint8 c, int8 d) external {
        emit Numbers(a, b, c, d);
    }

    function words(address who, bool yes, bytes32 word, bytes4 part) external {
        emit Words(who, yes, word, part);
    }

    function texts(string calldata text) external {
        emit Texts(text, bytes(text), text, bytes(text));
    }

    function lists(uint256 length) external {
        uint256[] memory list = new uint256[](length);
        for (uint256 i = 0; i < length; ++i) list[i] = i * i;
        emit Lists(list, [uint16(1), 2, 3], list);
    }

    function structs(int64 x, int64 y) external {
        emit Structs(Point(x, y), Colour.Blue, Point(y, x));
    }

    function functions() external {
        emit Functions(this.many);
    }

    function unnamed() external {
        emit Unnamed(1, 2, 3, 4);
        emit Bare(5, "");
        emit Empty();
    }

    /// So many logs in one transaction.
    function many(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) emit Unnamed(i, 0, 0, 0);
    }
}
