//! Points of y² = x³ + 7.

use super::field::Field;

/// A point that is not at infinity. Both coordinates have magnitude 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(super) x: Field,
    pub(super) y: Field,
}

impl Point {
    /// The generator.
    pub(crate) const GENERATOR: Self = Self {
        x: Field::from_words(&[
            0x59f2_815b_16f8_1798,
            0x029b_fcdb_2dce_28d9,
            0x55a0_6295_ce87_0b07,
            0x79be_667e_f9dc_bbac,
        ]),
        y: Field::from_words(&[
            0x9c47_d08f_fb10_d4b8,
            0xfd17_b448_a685_5419,
            0x5da4_fbfc_0e11_08a8,
            0x483a_da77_26a3_c465,
        ]),
    };

    /// The point with these coordinates (32 bytes each, big-endian); none if one is
    /// not below p, or if it is not on the curve.
    pub(crate) fn from_bytes(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        let (x, y) = (Field::from_bytes(x)?, Field::from_bytes(y)?);
        let on_curve = y.square().minus(&height(&x)).is_zero();
        on_curve.then_some(Self { x, y })
    }

    /// The point with this x (32 bytes, big-endian) whose y is odd or not; none if x
    /// is not below p, or no point has it.
    pub(crate) fn lift(x: &[u8; 32], odd: bool) -> Option<Self> {
        let x = Field::from_bytes(x)?;
        let y = height(&x).root()?;
        let y = if y.is_odd() == odd {
            y
        } else {
            y.negated().tight()
        };
        Some(Self { x, y })
    }

    /// True if y is odd.
    pub(crate) fn is_odd(&self) -> bool {
        self.y.is_odd()
    }

    /// x ++ y, 32 bytes each, big-endian.
    pub(crate) fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (x, y) = bytes.split_at_mut(32);
        x.copy_from_slice(&self.x.to_bytes());
        y.copy_from_slice(&self.y.to_bytes());
        bytes
    }

    /// y, big-endian.
    pub(crate) fn y_bytes(&self) -> [u8; 32] {
        self.y.to_bytes()
    }

    /// The other point with this x.
    pub(crate) fn negated(&self) -> Self {
        Self {
            x: self.x,
            y: self.y.negated().tight(),
        }
    }

    /// λ times this point.
    pub(super) fn turned(&self) -> Self {
        const BETA: Field = Field::from_words(&[
            0xc139_6c28_7195_01ee,
            0x9cf0_4975_12f5_8995,
            0x6e64_479e_ac34_34e9,
            0x7ae9_6a2b_657c_0710,
        ]);
        Self {
            x: self.x.times(&BETA),
            y: self.y,
        }
    }

    /// This and `other` added up, on a line whose slope is `rise` (magnitude 3 at
    /// most) times `inverse`.
    #[inline(never)]
    pub(super) fn along(&self, rise: &Field, inverse: &Field, other: &Self) -> Self {
        let slope = rise.times_inline(inverse);
        let square = slope.square_inline();
        let x = square.minus(&self.x).minus(&other.x).tight();
        let y = self.x.minus(&x).times_inline(&slope);
        let y = y.minus(&self.y).tight();
        Self { x, y }
    }

    /// This and `other` added up, where their x differ, and `inverse` is that of the
    /// difference.
    #[inline(always)]
    pub(super) fn plus(&self, other: &Self, inverse: &Field) -> Self {
        self.along(&other.y.minus(&self.y), inverse, other)
    }

    /// Twice this; `inverse` is that of twice y.
    pub(super) fn doubled(&self, inverse: &Field) -> Self {
        self.along(&self.tangent(), inverse, self)
    }

    /// Three times x², over which twice y is the slope of the tangent. Magnitude 3.
    fn tangent(&self) -> Field {
        let square = self.x.square();
        square.plus(&square).plus(&square)
    }
}

/// x³ + 7.
fn height(x: &Field) -> Field {
    x.square().times(x).plus(&Field::small(7)).tight()
}

/// A sum of points: (x / z², y / z³), all of magnitude 1; none at infinity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum(Option<[Field; 3]>);

impl Sum {
    /// The point at infinity.
    pub(super) const INFINITY: Self = Self(None);

    /// True if this is the point at infinity.
    pub(super) fn is_infinity(&self) -> bool {
        self.0.is_none()
    }

    /// z, unless this is the point at infinity.
    pub(super) fn z(&self) -> Option<Field> {
        self.0.map(|[_, _, z]| z)
    }

    /// The point, `inverse` being that of z; none at infinity.
    pub(super) fn point(&self, inverse: &Field) -> Option<Point> {
        let [x, y, _] = self.0?;
        let square = inverse.square();
        Some(Point {
            x: x.times(&square),
            y: y.times(&square.times(inverse)),
        })
    }

    /// Adds this to itself. No point of the curve has y = 0, since its order is odd.
    #[inline(never)]
    pub(super) fn double(&mut self) {
        let Some([x, y, z]) = &mut self.0 else {
            return;
        };
        let y_2 = y.square_inline();
        let x_2 = x.square_inline();
        let tangent = x_2.plus(&x_2).plus(&x_2).tight();
        let twice = y_2.plus(&y_2);
        // 4 x y², and 4 y⁴.
        let side = x.times_inline(&twice.plus(&twice));
        let fourth = twice.square_inline();
        *z = y.plus(y).times_inline(z);
        *x = tangent.square_inline().minus_twice(&side).tight();
        let rest = side.minus(x).times_inline(&tangent);
        *y = rest.minus_twice(&fourth).tight();
    }

    /// Adds a point.
    #[inline(never)]
    pub(super) fn add(&mut self, point: &Point) {
        let Some([x, y, z]) = &mut self.0 else {
            self.0 = Some([point.x, point.y, Field::ONE]);
            return;
        };
        let z_2 = z.square_inline();
        let run = point.x.times_inline(&z_2).minus(x).tight();
        let z_3 = z_2.times_inline(z);
        let rise = point.y.times_inline(&z_3).minus(y).tight();
        if run.is_zero() {
            if rise.is_zero() {
                self.double();
            } else {
                self.0 = None;
            }
            return;
        }
        *z = z.times_inline(&run);
        let square = run.square_inline();
        let side = x.times_inline(&square);
        let cube = square.times_inline(&run);
        *x = rise.square_inline().minus(&cube).minus_twice(&side).tight();
        let lost = y.times_inline(&cube);
        *y = side.minus(x).times_inline(&rise).minus(&lost).tight();
    }
}
