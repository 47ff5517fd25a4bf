//! Simulcast: the same picture coded in up to three sizes, each a stream of its own, so that a forwarding unit can
//! give each receiver the one it has room for (RFC 8853). A picture is scaled down once a layer, each layer from the
//! one above.

use super::{Codec, EncodedFrame, Error, Settings, VideoEncoder, encoder};
use crate::picture::{Picture, Pool, Size};
use crate::scale::Scaler;
use std::fmt;

/// Most layers.
pub const MAX_SIMULCAST: usize = 3;

/// Several encoders of one codec over one source.
pub struct Simulcast {
    /// Smallest first.
    layers: Vec<Layer>,
    codec: Codec,
    scaler: Scaler,
    pool: Pool,
}

struct Layer {
    encoder: Box<dyn VideoEncoder>,
    /// Off: its pictures are not even scaled.
    on: bool,
    /// A key frame was asked for and has not come out yet.
    key: bool,
}

impl Simulcast {
    /// Encoders of `codec`, one for each of `settings`: smallest size first, one to [`MAX_SIMULCAST`].
    ///
    /// # Errors
    /// Those of [`encoder`]; [`Error::Setting`] for no layer, too many, or one smaller than the one before.
    pub fn new(codec: Codec, settings: &[Settings]) -> Result<Self, Error> {
        if !(1..=MAX_SIMULCAST).contains(&settings.len()) {
            return Err(Error::Setting {
                name: "layers",
                value: settings.len() as u64,
            });
        }
        check_order(settings.iter())?;
        let layers = settings
            .iter()
            .map(|&settings| {
                Ok(Layer {
                    encoder: encoder(codec, settings)?,
                    on: true,
                    key: true,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Self {
            layers,
            codec,
            scaler: Scaler::new(),
            // The picture in work and the one it is scaled from.
            pool: Pool::new(MAX_SIMULCAST + 1),
        })
    }

    /// Which codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Settings of the layers, smallest first.
    pub fn settings(&self) -> impl ExactSizeIterator<Item = &Settings> {
        self.layers.iter().map(|layer| layer.encoder.settings())
    }

    /// Changes the settings of one layer.
    ///
    /// # Errors
    /// [`Error::Setting`] for a layer there is not or sizes out of order, and those of
    /// [`VideoEncoder::configure`].
    pub fn configure(&mut self, layer: usize, settings: Settings) -> Result<(), Error> {
        let sizes = self.layers.iter().enumerate();
        check_order(sizes.map(|(index, one)| {
            if index == layer {
                &settings
            } else {
                one.encoder.settings()
            }
        }))?;
        self.layer(layer)?.encoder.configure(settings)
    }

    /// Switches a layer off, where nobody looks at it or there is no room, and on again; it then begins with a
    /// key frame.
    ///
    /// # Errors
    /// [`Error::Setting`] for a layer there is not.
    pub fn set_on(&mut self, layer: usize, on: bool) -> Result<(), Error> {
        let layer = self.layer(layer)?;
        layer.key |= on && !layer.on;
        layer.on = on;
        Ok(())
    }

    /// Asks for a key frame of one layer, out of its next picture.
    ///
    /// # Errors
    /// [`Error::Setting`] for a layer there is not.
    pub fn ask_key(&mut self, layer: usize) -> Result<(), Error> {
        self.layer(layer)?.key = true;
        Ok(())
    }

    /// Codes one picture in every layer that is on, and gives each frame to `out`, largest first.
    ///
    /// # Errors
    /// Those of [`VideoEncoder::encode`]; the layers before the failed one are given out.
    pub fn encode(&mut self, picture: &Picture, mut out: impl FnMut(EncodedFrame)) -> Result<(), Error> {
        let mut above = picture.clone();
        for (index, layer) in self
            .layers
            .iter_mut()
            .enumerate()
            .rev()
            .filter(|(_, layer)| layer.on)
        {
            let size = layer.encoder.settings().size;
            above = match trimmed(&above, size) {
                Some(trimmed) => trimmed,
                None => self.scaler.scaled(&above, size, &self.pool)?,
            };
            if let Some(mut frame) = layer.encoder.encode(&above, layer.key)? {
                layer.key &= !frame.key;
                frame.layer = index as u8;
                out(frame);
            }
        }
        Ok(())
    }

    fn layer(&mut self, layer: usize) -> Result<&mut Layer, Error> {
        self.layers.get_mut(layer).ok_or(Error::Setting {
            name: "layer",
            value: layer as u64,
        })
    }
}

/// The picture without its last column or row, where that is all `size` wants: a codec that works on pairs of pixels
/// is no reason to blur the others.
fn trimmed(picture: &Picture, size: Size) -> Option<Picture> {
    let whole = picture.size();
    let close = |whole: u32, wanted: u32| whole == wanted || whole == wanted + 1;
    if whole == size || !close(whole.width(), size.width()) || !close(whole.height(), size.height()) {
        return None;
    }
    picture.crop(size.rect()).ok()
}

fn check_order<'a>(settings: impl Iterator<Item = &'a Settings>) -> Result<(), Error> {
    let pixels: Vec<u32> = settings.map(|settings| settings.size.pixels()).collect();
    match pixels.is_sorted() {
        true => Ok(()),
        false => Err(Error::Setting {
            name: "order of layers",
            value: pixels.len() as u64,
        }),
    }
}

impl fmt::Debug for Simulcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.settings()).finish()
    }
}
