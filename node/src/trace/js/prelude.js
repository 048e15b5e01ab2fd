// What a tracer finds beside the language. `host` is made of the node's functions; numbers of
// 256 bits come from there as "0x…", bytes as Uint8Array, and bytes go there as digits.
(host) => {
  "use strict";
  const { apply } = Reflect;
  const { isArray } = Array;
  const { trunc } = Math;
  const Bytes = Uint8Array;
  const Integer = BigInt;
  const Float = Number;
  const Text = String;
  const { freeze, defineProperty } = Object;
  const { toHex: digitsOf } = Bytes.prototype;
  const { fromHex } = Bytes;

  // Integers of any size, as the library big-integer has them, which go-ethereum gives to tracers.
  class Big {
    constructor(value) { this.value = value; freeze(this); }
    add(n) { return made(this.value + of(n)); }
    subtract(n) { return made(this.value - of(n)); }
    multiply(n) { return made(this.value * of(n)); }
    divide(n) { return made(this.value / of(n)); }
    mod(n) { return made(this.value % of(n)); }
    divmod(n) { return { quotient: this.divide(n), remainder: this.mod(n) }; }
    pow(n) {
      const power = of(n);
      if (power >= 0n) return made(this.value ** power);
      return made(this.value === 1n ? 1n : this.value === -1n ? (power % 2n ? -1n : 1n) : 0n);
    }
    square() { return made(this.value * this.value); }
    next() { return made(this.value + 1n); }
    prev() { return made(this.value - 1n); }
    negate() { return made(-this.value); }
    abs() { return made(absolute(this.value)); }
    and(n) { return made(this.value & of(n)); }
    or(n) { return made(this.value | of(n)); }
    xor(n) { return made(this.value ^ of(n)); }
    not() { return made(~this.value); }
    shiftLeft(n) { return made(this.value << of(n)); }
    shiftRight(n) { return made(this.value >> of(n)); }
    bitLength() {
      const size = this.value < 0n ? -this.value - 1n : this.value;
      return made(size === 0n ? 0n : Integer(size.toString(2).length));
    }
    compare(n) {
      if (n === Infinity) return -1;
      if (n === -Infinity) return 1;
      const other = of(n);
      return this.value < other ? -1 : this.value > other ? 1 : 0;
    }
    compareAbs(n) { return made(absolute(this.value)).compare(absolute(of(n))); }
    equals(n) { return this.compare(n) === 0; }
    notEquals(n) { return this.compare(n) !== 0; }
    greater(n) { return this.compare(n) > 0; }
    lesser(n) { return this.compare(n) < 0; }
    greaterOrEquals(n) { return this.compare(n) >= 0; }
    lesserOrEquals(n) { return this.compare(n) <= 0; }
    isZero() { return this.value === 0n; }
    isUnit() { return absolute(this.value) === 1n; }
    isOdd() { return (this.value & 1n) === 1n; }
    isEven() { return (this.value & 1n) === 0n; }
    isPositive() { return this.value > 0n; }
    isNegative() { return this.value < 0n; }
    isDivisibleBy(n) {
      const other = of(n);
      return other !== 0n && this.value % other === 0n;
    }
    isPrime() { return prime(absolute(this.value)); }
    isProbablePrime() { return this.isPrime(); }
    modPow(power, modulus) {
      const m = of(modulus);
      if (m === 0n) throw new RangeError("Cannot take modPow with modulus 0");
      let n = of(power);
      let base = this.value % m;
      if (n < 0n) {
        base = inverse(base, m);
        n = -n;
      }
      return made(powerOf(base, n, m));
    }
    modInv(modulus) { return made(inverse(this.value, of(modulus))); }
    toArray(radix = 10) {
      const base = of(radix);
      if (base < 2n) throw new RangeError("the base of an array's digits is 2 or more");
      const value = [];
      let rest = absolute(this.value);
      do {
        value.push(Float(rest % base));
        rest /= base;
      } while (rest > 0n);
      value.reverse();
      return { value, isNegative: this.value < 0n };
    }
    toString(radix = 10) { return this.value.toString(Float(radix)); }
    toJSON() { return this.value.toString(); }
    valueOf() { return Float(this.value); }
    toJSNumber() { return Float(this.value); }
  }
  const names = {
    plus: "add", minus: "subtract", times: "multiply", over: "divide", remainder: "mod", compareTo: "compare",
    eq: "equals", neq: "notEquals", gt: "greater", lt: "lesser", geq: "greaterOrEquals", leq: "lesserOrEquals",
  };
  for (const name of Object.keys(names)) Big.prototype[name] = Big.prototype[names[name]];
  const made = (value) => new Big(value);
  const absolute = (value) => (value < 0n ? -value : value);
  const powerOf = (base, power, modulus) => {
    let result = 1n % modulus;
    for (; power > 0n; power >>= 1n) {
      if (power & 1n) result = (result * base) % modulus;
      base = (base * base) % modulus;
    }
    return result;
  };
  const inverse = (value, modulus) => {
    let [a, b, x, y] = [modulus, value, 0n, 1n];
    while (b !== 0n) {
      const quotient = a / b;
      [a, b] = [b, a - quotient * b];
      [x, y] = [y, x - quotient * y];
    }
    if (absolute(a) !== 1n) throw new RangeError(`${value} and ${modulus} are not co-prime`);
    if (a === -1n) x = -x;
    return value < 0n && x > 0n ? x - absolute(modulus) : value >= 0n && x < 0n ? x + absolute(modulus) : x;
  };
  const BASES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n];
  const prime = (n) => {
    if (n < 2n) return false;
    for (const base of BASES) if (n % base === 0n) return n === base;
    let [odd, twos] = [n - 1n, 0];
    for (; (odd & 1n) === 0n; odd >>= 1n) twos += 1;
    return BASES.every((base) => {
      let x = powerOf(base, odd, n);
      if (x === 1n || x === n - 1n) return true;
      for (let i = 1; i < twos; i += 1) {
        x = (x * x) % n;
        if (x === n - 1n) return true;
      }
      return false;
    });
  };
  const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";
  const ofDigits = (text, radix) => {
    const base = of(radix);
    const negative = text[0] === "-";
    let value = 0n;
    for (const digit of text.slice(negative ? 1 : 0).toLowerCase()) {
      const place = DIGITS.indexOf(digit);
      if (place < 0 || Integer(place) >= absolute(base)) throw new Error(`${digit} is not a valid digit in base ${radix}.`);
      value = value * base + Integer(place);
    }
    return negative ? -value : value;
  };
  // The native integer that a value stands for.
  const of = (value) => {
    if (value instanceof Big) return value.value;
    if (typeof value === "bigint") return value;
    if (typeof value === "number") {
      if (trunc(value) !== value) throw new Error(`${value} is not an integer.`);
      return Integer(value);
    }
    const text = Text(value).trim();
    const parts = /^([+-]?)(\d+)(?:\.(\d*))?[eE]\+?(\d{1,4})$/.exec(text);
    if (parts) {
      const [, sign, whole, part = "", power] = parts;
      if (part.length > Float(power)) throw new Error(`Invalid integer: ${text}`);
      const size = Integer(whole + part) * 10n ** Integer(Float(power) - part.length);
      return sign === "-" ? -size : size;
    }
    if (!/^([+-]?\d+|0[xX][0-9a-fA-F]+)$/.test(text)) throw new Error(`Invalid integer: ${text}`);
    return text[0] === "-" ? -Integer(text.slice(1)) : Integer(text[0] === "+" ? text.slice(1) : text);
  };
  const bigInt = (value, radix) => {
    if (value === undefined) return made(0n);
    if (value instanceof Big) return value;
    return made(radix === undefined || Float(radix) === 10 ? of(value) : ofDigits(Text(value), radix));
  };
  const divisor = (a, b) => {
    let [x, y] = [absolute(of(a)), absolute(of(b))];
    while (y !== 0n) [x, y] = [y, x % y];
    return x;
  };
  Object.assign(bigInt, {
    zero: made(0n), one: made(1n), minusOne: made(-1n),
    isInstance: (value) => value instanceof Big,
    min: (a, b) => (bigInt(a).lesser(b) ? bigInt(a) : bigInt(b)),
    max: (a, b) => (bigInt(a).greater(b) ? bigInt(a) : bigInt(b)),
    gcd: (a, b) => made(divisor(a, b)),
    lcm: (a, b) => made(of(a) === 0n || of(b) === 0n ? 0n : absolute(of(a) * of(b)) / divisor(a, b)),
    fromArray: (digits, radix = 10, negative = false) => {
      let value = 0n;
      for (const digit of digits) value = value * of(radix) + of(digit);
      return made(negative ? -value : value);
    },
  });
  const word = (digits) => (digits === undefined ? undefined : made(Integer(digits)));

  // The digits of bytes: of an Uint8Array, an array, and where `text` says so a string.
  const hexOf = (value, text) => {
    if (text && (typeof value === "string" || value instanceof Text)) {
      let digits = Text(value);
      if (digits[0] === "0" && (digits[1] === "x" || digits[1] === "X")) digits = digits.slice(2);
      if (digits.length % 2 === 1) digits = `0${digits}`;
      return /^(?:[0-9a-fA-F]{2})*/.exec(digits)[0];
    }
    if (isArray(value)) return apply(digitsOf, new Bytes(value), []);
    try {
      return apply(digitsOf, value, []);
    } catch {
      return host.fail("invalid buffer type");
    }
  };
  const bytesOf = (digits) => apply(fromHex, Bytes, [digits]);
  const integer = (value) => {
    const number = trunc(Float(value));
    return number === number ? number : 0;
  };
  const sized = (value, size) => {
    const digits = hexOf(value, true);
    return bytesOf(digits.length > size ? digits.slice(digits.length - size) : digits.padStart(size, "0"));
  };
  Object.assign(globalThis, {
    bigInt,
    toHex: (value) => `0x${hexOf(value, false)}`,
    toWord: (value) => sized(value, 64),
    toAddress: (value) => sized(value, 40),
    toContract: (from, nonce) => host.contract(hexOf(from, true), integer(nonce)),
    toContract2: (from, salt, code) => host.contract2(hexOf(from, true), hexOf(Text(salt), true), hexOf(code, true)),
    isPrecompiled: (value) => host.isPrecompiled(hexOf(value, true)),
    slice: (value, start, end) => {
      const digits = hexOf(value, false);
      const [size, from, to] = [digits.length / 2, integer(start), integer(end)];
      if (from < 0 || from > to || to > size) {
        return host.fail(`Tracer accessed out of bound memory: available ${size}, offset ${from}, size ${to - from}`);
      }
      return bytesOf(digits.slice(2 * from, 2 * to));
    },
  });

  // Functions of the language that take long without looking whether they should end get bounds.
  const MOST = 1 << 20;
  const ARRAYS = [
    "concat", "copyWithin", "fill", "flat", "join", "reverse", "shift", "slice", "sort", "splice",
    "toLocaleString", "toReversed", "toSorted", "toSpliced", "toString", "unshift", "with",
  ];
  const redefined = (object, name, value) => defineProperty(object, name, { value, writable: true, configurable: true });
  const array = (value) => {
    if (isArray(value)) {
      if (value.length > MOST) throw new RangeError(`an array of more than ${MOST} elements`);
      return value;
    }
    const object = Object(value);
    const size = Float(object.length);
    if (size > MOST) throw new RangeError(`more than ${MOST} elements`);
    const copy = [];
    for (let index = 0; index < size; index += 1) copy[index] = object[index];
    return copy;
  };
  for (const name of ARRAYS) {
    const native = Array.prototype[name];
    redefined(Array.prototype, name, function (...given) {
      host.tick();
      const self = this === undefined || this === null ? this : array(this);
      if (name === "concat") {
        for (const value of given) {
          if (isArray(value)) array(value);
          else if (Object(value) === value && value[Symbol.isConcatSpreadable]) throw new TypeError("only arrays are spread");
        }
      }
      return apply(native, self, given);
    });
  }
  const TEXTS = ["includes", "indexOf", "lastIndexOf", "replace", "replaceAll", "split"];
  for (const name of TEXTS) {
    const native = Text.prototype[name];
    redefined(Text.prototype, name, function (search, ...rest) {
      host.tick();
      if (this === undefined || this === null) return apply(native, this, [search]);
      const self = Text(this);
      const plain = Object(search) !== search || !(Symbol.split in search);
      const sought = plain && search !== undefined ? Text(search) : search;
      if (plain && sought !== undefined && self.length * sought.length > 64 * MOST) {
        throw new RangeError("the texts are too long to search");
      }
      return apply(native, self, [sought, ...rest]);
    });
  }
  for (const name of ["Atomics", "SharedArrayBuffer", "Proxy"]) delete globalThis[name];

  const log = {
    op: {
      toNumber: host.op,
      toString: host.opName,
      isPush: () => host.op() >= 0x5f && host.op() <= 0x7f,
    },
    stack: { length: host.stackLength, peek: (index) => word(host.peek(integer(index))) },
    memory: {
      length: host.memoryLength,
      slice: (start, end) => host.memory(integer(start), integer(end)),
      getUint: (offset) => word(host.memoryWord(integer(offset))),
    },
    contract: {
      getCaller: host.caller,
      getAddress: host.address,
      getValue: () => word(host.value()),
      getInput: host.input,
    },
    getPC: host.pc,
    getGas: host.gas,
    getCost: host.cost,
    getDepth: host.depth,
    getRefund: host.refund,
    getError: host.error,
  };
  const db = {
    getBalance: (account) => word(host.balance(hexOf(account, false))),
    getNonce: (account) => host.nonce(hexOf(account, false)),
    getCode: (account) => host.code(hexOf(account, false)),
    getState: (account, slot) => host.slot(hexOf(account, false), hexOf(slot, false)),
    exists: (account) => host.exists(hexOf(account, false)),
  };
  const frame = {
    getType: host.frameType,
    getFrom: host.frameFrom,
    getTo: host.frameTo,
    getInput: host.frameInput,
    getGas: host.frameGas,
    getValue: () => word(host.frameValue()),
  };
  const left = { getGasUsed: host.leftGas, getOutput: host.leftOutput, getError: host.leftError };
  return { log, db, frame, left, word };
}
