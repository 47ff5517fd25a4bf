//! Reading the descriptor. What a frame usually needs comes with a key frame only, so a reader keeps it.

use super::bits::BitReader;
use super::structure::{Structure, Template, read_chains, read_indications};

/// Why a descriptor cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// It ends within a field.
    #[error("dependency descriptor is cut short")]
    Truncated,
    /// The structure that its frame is described by has not come.
    #[error("dependency descriptor without its structure")]
    NoStructure,
    /// More layers or templates than there can be.
    #[error("dependency structure that cannot be")]
    Structure,
    /// A template that the structure does not have.
    #[error("dependency template {0} does not exist")]
    Template(u8),
}

/// The mandatory fields, which can be read without anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Template that describes the frame.
    pub template: u8,
    /// Running number of the frame.
    pub frame_number: u16,
    /// Whether a structure comes with it: a key frame begins.
    pub has_structure: bool,
}

impl Head {
    /// Reads them.
    pub fn read(bytes: &[u8]) -> Result<Self, DependencyError> {
        let &[first, high, low, ref rest @ ..] = bytes else {
            return Err(DependencyError::Truncated);
        };
        Ok(Self {
            start_of_frame: first & 0x80 != 0,
            end_of_frame: first & 0x40 != 0,
            template: first & 0x3f,
            frame_number: u16::from_be_bytes([high, low]),
            has_structure: rest.first().is_some_and(|flags| flags & 0x80 != 0),
        })
    }
}

/// What a descriptor says of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The mandatory fields.
    pub head: Head,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// The frames that it needs, as distances back in frame numbers.
    pub back: Vec<u16>,
    /// Width and height of the highest spatial layer in pixels, where they come with it.
    pub size: Option<(u32, u32)>,
}

/// Reads the descriptors of one stream, in the order of its frames.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    structure: Option<Structure>,
}

impl Reader {
    /// Reads one.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Descriptor, DependencyError> {
        use DependencyError::{NoStructure, Truncated};
        let head = Head::read(bytes)?;
        let mut reader = BitReader::new(bytes.get(3..).unwrap_or_default());
        let mut flags = [false; 5];
        if bytes.len() > 3 {
            for flag in &mut flags {
                *flag = reader.flag().ok_or(Truncated)?;
            }
        }
        let [
            with_structure,
            with_targets,
            with_indications,
            with_back,
            with_chains,
        ] = flags;
        let new = with_structure.then(|| Structure::read(&mut reader)).transpose()?;
        let structure = new.as_ref().or(self.structure.as_ref()).ok_or(NoStructure)?;
        if with_targets {
            reader.bits(u32::from(structure.targets)).ok_or(Truncated)?;
        }
        let index = head.template.wrapping_sub(structure.id_offset) & 0x3f;
        let template: &Template = structure
            .templates
            .get(usize::from(index))
            .ok_or(DependencyError::Template(index))?;
        if with_indications {
            read_indications(&mut reader, structure.targets).ok_or(Truncated)?;
        }
        let mut back = template.back.clone();
        if with_back {
            back.clear();
            loop {
                let size = reader.bits(2).ok_or(Truncated)?;
                if size == 0 {
                    break;
                }
                back.push(reader.bits(4 * size).ok_or(Truncated)? as u16 + 1);
            }
        }
        if with_chains {
            read_chains(&mut reader, structure.chains, 8).ok_or(Truncated)?;
        }
        let descriptor = Descriptor {
            head,
            spatial: template.spatial,
            temporal: template.temporal,
            back,
            size: new.as_ref().and_then(|new| new.sizes.last().copied()),
        };
        if new.is_some() {
            self.structure = new;
        }
        Ok(descriptor)
    }
}
