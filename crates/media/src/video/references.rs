//! Which pictures a picture needs, by what its codec's packets say, and whether those have been decoded.
//!
//! One [`References`] follows one stream. Pictures are looked at in order; decoded ones are told.

use std::collections::BTreeSet;

use super::assembly::Assembled;
use super::payload::{Piece, dependency, vp8, vp9};
use super::{TemporalLayer, Unwrapper};

/// Furthest back that a picture can refer to (12 bits of the dependency descriptor, and some).
const FURTHEST: i64 = 4_200;

/// What a picture needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// Others, by their numbers.
    Numbers(Vec<i64>),
    /// What the counters of its base layer say (TL0PICIDX).
    Base { index: u8, layer: TemporalLayer },
    /// All before it.
    All,
}

/// A picture, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) needs: Needs,
    /// Its number, where the codec has one.
    number: Option<i64>,
    /// TL0PICIDX.
    base: Option<u8>,
}

/// Why a picture is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// What comes with the key frame before it is not there.
    Later,
    /// It never will be.
    Malformed,
}

/// The decoded past of one stream.
#[derive(Debug, Default)]
pub(super) struct References {
    numbers: Numbers,
    descriptors: dependency::Reader,
    /// The pictures after which VP9's references repeat, and the number of the first.
    group: Option<(i64, Vec<vp9::GroupPicture>)>,
    decoded: BTreeSet<i64>,
    /// Of the last decoded picture: sequence number of its last packet, its number, TL0PICIDX.
    last: Option<(i64, Option<i64>, Option<u8>)>,
    /// Whether all pictures since the last one of the base have been decoded: where only the base is named, one of an upper
    /// layer may need any of them.
    unbroken: bool,
}

/// Unwrapped picture numbers, whatever their width.
#[derive(Debug, Default)]
struct Numbers {
    short: Unwrapper<7>,
    long: Unwrapper<15>,
    frame: Unwrapper<16>,
}

impl Numbers {
    fn picture(&mut self, id: vp8::PictureId) -> i64 {
        match id {
            vp8::PictureId::Short(id) => self.short.unwrap(u32::from(id)),
            vp8::PictureId::Long(id) => self.long.unwrap(u32::from(id)),
        }
    }
}

impl References {
    /// Finds out what a picture needs. Pictures should come in order, as far as they are there.
    pub(super) fn resolve(&mut self, picture: &Assembled) -> Result<Resolved, Unresolved> {
        if let Some(bytes) = &picture.dependency {
            return self.resolve_described(bytes, picture.key);
        }
        let (number, base, needs) = match &picture.piece {
            Piece::Vp8(descriptor) => {
                let number = descriptor.picture_id.map(|id| self.numbers.picture(id));
                let base = descriptor.tl0picidx;
                (number, base, by_base(base, descriptor.temporal))
            }
            Piece::Vp9(descriptor) => self.vp9(descriptor),
            Piece::Av1(_) | Piece::H264(_) => (None, None, Needs::All),
        };
        let needs = if picture.key { Needs::Nothing } else { needs };
        Ok(Resolved { needs, number, base })
    }

    fn resolve_described(&mut self, bytes: &[u8], key: bool) -> Result<Resolved, Unresolved> {
        let descriptor = self.descriptors.read(bytes).map_err(|error| match error {
            dependency::DependencyError::NoStructure | dependency::DependencyError::Template(_) => {
                Unresolved::Later
            }
            _ => Unresolved::Malformed,
        })?;
        let number = self.numbers.frame.unwrap(u32::from(descriptor.head.frame_number));
        let back = descriptor.back.iter().map(|back| number - i64::from(*back));
        Ok(Resolved {
            needs: if key {
                Needs::Nothing
            } else {
                Needs::Numbers(back.collect())
            },
            number: Some(number),
            base: None,
        })
    }

    fn vp9(&mut self, descriptor: &vp9::Descriptor) -> (Option<i64>, Option<u8>, Needs) {
        let number = descriptor.picture_id.map(|id| self.numbers.picture(id));
        let base = descriptor.tl0picidx;
        let layer = descriptor.layer.map(|layer| layer.temporal);
        if let (Some(number), Some(structure)) = (number, &descriptor.structure)
            && !structure.group.is_empty()
        {
            self.group = Some((number, structure.group.clone()));
        }
        let back = |references: &vp9::References, number: i64| {
            let back = references.back().iter();
            Needs::Numbers(back.map(|back| number - i64::from(*back)).collect())
        };
        let needs = match (number, &self.group) {
            (Some(number), _) if descriptor.flexible => back(&descriptor.references, number),
            (Some(number), Some((start, group))) => {
                let at = (number - start).rem_euclid(group.len() as i64) as usize;
                back(&group[at].references, number)
            }
            _ => by_base(base, layer),
        };
        (number, base, needs)
    }

    /// Whether all that a picture needs has been decoded.
    pub(super) fn decodable(&self, picture: &Assembled, resolved: &Resolved) -> bool {
        let Some((_, _, base)) = self.last else {
            return resolved.needs == Needs::Nothing;
        };
        let follows = self.follows(picture, resolved);
        match &resolved.needs {
            Needs::Nothing => true,
            // A picture within the group that refers to none belongs behind what came before.
            Needs::Numbers(numbers) if numbers.is_empty() => follows,
            Needs::Numbers(numbers) => numbers.iter().all(|number| self.decoded.contains(number)),
            Needs::Base { index, layer } => match (base, layer.id) {
                (None, _) => follows,
                (Some(base), 0) => *index == base.wrapping_add(1),
                (Some(base), _) => *index == base && (layer.sync || follows && self.unbroken),
            },
            Needs::All => follows,
        }
    }

    /// Whether nothing is missing between the last decoded picture and this one.
    fn follows(&self, picture: &Assembled, resolved: &Resolved) -> bool {
        self.last.is_some_and(|(last, number, _)| {
            picture.first == last + 1
                || number.is_some() && resolved.number == number.map(|number| number + 1)
        })
    }

    /// A picture goes to the decoder.
    pub(super) fn decoded(&mut self, picture: &Assembled, resolved: &Resolved) {
        self.unbroken = match &resolved.needs {
            Needs::Base { layer, .. } if layer.id > 0 => self.unbroken && self.follows(picture, resolved),
            _ => true,
        };
        if resolved.needs == Needs::Nothing {
            // Its numbers may begin anew.
            self.decoded.clear();
        }
        if let Some(number) = resolved.number {
            self.decoded.insert(number);
            self.decoded = match self.decoded.first() {
                Some(first) if *first < number - FURTHEST => self.decoded.split_off(&(number - FURTHEST)),
                _ => std::mem::take(&mut self.decoded),
            };
        }
        self.last = Some((picture.last, resolved.number, resolved.base));
    }

    /// Nothing of the past is known to the decoder any more.
    pub(super) fn lost(&mut self) {
        self.last = None;
        self.decoded.clear();
    }
}

fn by_base(index: Option<u8>, layer: Option<TemporalLayer>) -> Needs {
    match (index, layer) {
        (Some(index), Some(layer)) => Needs::Base { index, layer },
        _ => Needs::All,
    }
}
