//! The template dependency structure (appendix A.8.2): what frames of a stream usually need, told with a key frame.

use super::bits::{BitReader, BitWriter};
use super::read::DependencyError;

/// Most templates: six bits number them.
const MOST_TEMPLATES: usize = 64;

/// What a frame means to a decode target (appendix A.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indication {
    NotPresent = 0,
    Discardable = 1,
    Switch = 2,
    Required = 3,
}

impl Indication {
    fn read(reader: &mut BitReader<'_>) -> Option<Self> {
        Some(match reader.bits(2)? {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        })
    }
}

/// What one frame, or those of a template, need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    /// One for each decode target.
    pub(super) indications: Vec<Indication>,
    /// Distances back, in frames.
    pub(super) back: Vec<u16>,
    /// For each chain, how far its last frame is back.
    pub(super) chains: Vec<u8>,
}

/// The structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) id_offset: u8,
    pub(super) targets: u8,
    pub(super) templates: Vec<Template>,
    /// For each decode target, the chain that protects it; empty where there are none.
    pub(super) protected_by: Vec<u8>,
    pub(super) chains: u8,
    /// Width and height of each spatial layer, in pixels, where told.
    pub(super) sizes: Vec<(u32, u32)>,
}

impl Structure {
    pub(super) fn read(reader: &mut BitReader<'_>) -> Result<Self, DependencyError> {
        use DependencyError::{Structure as Bad, Truncated};
        let id_offset = reader.bits(6).ok_or(Truncated)? as u8;
        let targets = reader.bits(5).ok_or(Truncated)? as u8 + 1;
        let mut templates: Vec<Template> = Vec::new();
        let (mut spatial, mut temporal) = (0u8, 0u8);
        loop {
            if templates.len() == MOST_TEMPLATES {
                return Err(Bad);
            }
            templates.push(Template {
                spatial,
                temporal,
                ..Template::default()
            });
            match reader.bits(2).ok_or(Truncated)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => break,
            }
            // Two bits and three bits elsewhere in the format.
            if temporal > 7 || spatial > 3 {
                return Err(Bad);
            }
        }
        for template in &mut templates {
            template.indications = read_indications(reader, targets).ok_or(Truncated)?;
        }
        for template in &mut templates {
            while reader.flag().ok_or(Truncated)? {
                template.back.push(reader.bits(4).ok_or(Truncated)? as u16 + 1);
            }
        }
        let chains = reader.below(u32::from(targets) + 1).ok_or(Truncated)? as u8;
        let mut protected_by = Vec::new();
        if chains > 0 {
            for _ in 0..targets {
                protected_by.push(reader.below(u32::from(chains)).ok_or(Truncated)? as u8);
            }
            for template in &mut templates {
                template.chains = read_chains(reader, chains, 4).ok_or(Truncated)?;
            }
        }
        let mut sizes = Vec::new();
        if reader.flag().ok_or(Truncated)? {
            for _ in 0..=spatial {
                let mut number = || reader.bits(16).map(|number| number + 1).ok_or(Truncated);
                sizes.push((number()?, number()?));
            }
        }
        Ok(Self {
            id_offset,
            targets,
            templates,
            protected_by,
            chains,
            sizes,
        })
    }

    pub(super) fn write(&self, writer: &mut BitWriter) {
        writer.bits(u32::from(self.id_offset), 6);
        writer.bits(u32::from(self.targets - 1), 5);
        for (n, template) in self.templates.iter().enumerate() {
            let next = match self.templates.get(n + 1) {
                None => 3,
                Some(next) if next.spatial > template.spatial => 2,
                Some(next) if next.temporal > template.temporal => 1,
                Some(_) => 0,
            };
            writer.bits(next, 2);
        }
        for template in &self.templates {
            for indication in &template.indications {
                writer.bits(*indication as u32, 2);
            }
        }
        for template in &self.templates {
            for back in &template.back {
                writer.flag(true);
                writer.bits(u32::from(back - 1), 4);
            }
            writer.flag(false);
        }
        writer.below(u32::from(self.chains), u32::from(self.targets) + 1);
        if self.chains > 0 {
            for chain in &self.protected_by {
                writer.below(u32::from(*chain), u32::from(self.chains));
            }
            for template in &self.templates {
                for chain in &template.chains {
                    writer.bits(u32::from(*chain), 4);
                }
            }
        }
        writer.flag(!self.sizes.is_empty());
        for (width, height) in &self.sizes {
            writer.bits(width - 1, 16);
            writer.bits(height - 1, 16);
        }
    }
}

pub(super) fn read_indications(reader: &mut BitReader<'_>, targets: u8) -> Option<Vec<Indication>> {
    (0..targets).map(|_| Indication::read(reader)).collect()
}

pub(super) fn read_chains(reader: &mut BitReader<'_>, chains: u8, bits: u32) -> Option<Vec<u8>> {
    (0..chains)
        .map(|_| reader.bits(bits).map(|back| back as u8))
        .collect()
}
