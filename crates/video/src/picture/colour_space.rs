//! How samples stand for colours (ITU-T H.273). Nothing is converted here.

/// What the samples of a picture mean. By default BT.601, limited range: what every video codec of a call takes
/// for granted when nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ColourSpace {
    /// How luma and chroma are made from red, green and blue.
    pub matrix: Matrix,
    /// Which values stand for black and white.
    pub range: Range,
}

/// Weights of red, green and blue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601.
    #[default]
    Bt601,
    /// ITU-R BT.709.
    Bt709,
}

/// Values of black and white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    /// Luma 16 to 235, chroma 16 to 240.
    #[default]
    Limited,
    /// 0 to 255.
    Full,
}
