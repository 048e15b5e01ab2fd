// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

interface IErc20 {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// Two tokens whose product of reserves never falls; 0.3 % of what comes in stays.
contract Pair {
    IErc20 public immutable token0;
    IErc20 public immutable token1;

    uint112 private _reserve0;
    uint112 private _reserve1;
    uint256 public shares;
    mapping(address => uint256) public sharesOf;
    bool transient private _entered;

    event Sync(uint112 reserve0, uint112 reserve1);
    event Mint(address indexed to, uint256 amount0, uint256 amount1, uint256 shares);
    event Burn(address indexed from, uint256 amount0, uint256 amount1, uint256 shares);
    event Swap(address indexed to, uint256 in0, uint256 in1, uint256 out0, uint256 out1);

    error Entered();
    error NothingGiven();
    error ProductFell(uint256 before, uint256 after_);
    error TooManyShares(uint256 wanted, uint256 owned);

    modifier once() {
        require(!_entered, Entered());
        _entered = true;
        _;
        _entered = false;
    }

    constructor(IErc20 first, IErc20 second) {
        (token0, token1) = address(first) < address(second) ? (first, second) : (second, first);
    }

    function reserves() public view returns (uint112, uint112) {
        return (_reserve0, _reserve1);
    }

    /// Shares for what was transferred here before.
    function mint(address to) external once returns (uint256 made) {
        (uint256 amount0, uint256 amount1) = _given();
        made = shares == 0
            ? _root(amount0 * amount1)
            : _min(amount0 * shares / _reserve0, amount1 * shares / _reserve1);
        require(made > 0, NothingGiven());
        shares += made;
        sharesOf[to] += made;
        _sync();
        emit Mint(to, amount0, amount1, made);
    }

    /// The sender's shares, for their part of both reserves.
    function burn(uint256 taken) external once returns (uint256 amount0, uint256 amount1) {
        uint256 owned = sharesOf[msg.sender];
        require(taken <= owned, TooManyShares(taken, owned));
        amount0 = _reserve0 * taken / shares;
        amount1 = _reserve1 * taken / shares;
        sharesOf[msg.sender] = owned - taken;
        shares -= taken;
        token0.transfer(msg.sender, amount0);
        token1.transfer(msg.sender, amount1);
        _sync();
        emit Burn(msg.sender, amount0, amount1, taken);
    }

    /// Gives first, then looks whether what was transferred here pays for it.
    function swap(uint256 out0, uint256 out1, address to) external once {
        uint256 before = uint256(_reserve0) * _reserve1 * 1e6;
        if (out0 > 0) token0.transfer(to, out0);
        if (out1 > 0) token1.transfer(to, out1);
        uint256 balance0 = token0.balanceOf(address(this));
        uint256 balance1 = token1.balanceOf(address(this));
        uint256 in0 = balance0 + out0 - _reserve0;
        uint256 in1 = balance1 + out1 - _reserve1;
        uint256 after_ = (balance0 * 1000 - in0 * 3) * (balance1 * 1000 - in1 * 3);
        require(after_ >= before, ProductFell(before, after_));
        _sync();
        emit Swap(to, in0, in1, out0, out1);
    }

    function _given() private view returns (uint256, uint256) {
        return (token0.balanceOf(address(this)) - _reserve0, token1.balanceOf(address(this)) - _reserve1);
    }

    function _sync() private {
        _reserve0 = uint112(token0.balanceOf(address(this)));
        _reserve1 = uint112(token1.balanceOf(address(this)));
        emit Sync(_reserve0, _reserve1);
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _root(uint256 square) private pure returns (uint256 root) {
        uint256 next = square / 2 + 1;
        root = square;
        while (next < root) (root, next) = (next, (square / next + next) / 2);
    }
}

/// Moves a user's tokens to a pair and back, with a limit and a deadline.
contract Router {
    error Expired(uint256 deadline);
    error TooLittle(uint256 out, uint256 least);

    /// Both amounts, approved to this router beforehand.
    function add(Pair pair, uint256 amount0, uint256 amount1) external returns (uint256) {
        pair.token0().transferFrom(msg.sender, address(pair), amount0);
        pair.token1().transferFrom(msg.sender, address(pair), amount1);
        return pair.mint(msg.sender);
    }

    /// Exactly `amount` of one token for at least `least` of the other, until `deadline` (seconds).
    function swap(Pair pair, bool zeroForOne, uint256 amount, uint256 least, uint256 deadline)
        external
        returns (uint256 out)
    {
        require(block.timestamp <= deadline, Expired(deadline));
        out = quote(pair, zeroForOne, amount);
        require(out >= least, TooLittle(out, least));
        IErc20 paid = zeroForOne ? pair.token0() : pair.token1();
        paid.transferFrom(msg.sender, address(pair), amount);
        pair.swap(zeroForOne ? 0 : out, zeroForOne ? out : 0, msg.sender);
    }

    /// What `amount` buys now.
    function quote(Pair pair, bool zeroForOne, uint256 amount) public view returns (uint256) {
        (uint256 given, uint256 taken) = pair.reserves();
        if (!zeroForOne) (given, taken) = (taken, given);
        uint256 net = amount * 997;
        return net * taken / (given * 1000 + net);
    }
}
