//! Mono `f32` samples in a file, little endian and nothing else: what two processes of one machine pass on.

use std::fs;
use std::io;
use std::path::Path;

/// Reads all samples of `path`.
pub fn read(path: &Path) -> io::Result<Vec<f32>> {
    let bytes = fs::read(path)?;
    let (samples, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "ends in the middle of a sample",
        ));
    }
    Ok(samples.iter().map(|sample| f32::from_le_bytes(*sample)).collect())
}

/// Writes `samples` to `path`.
pub fn write(path: &Path, samples: &[f32]) -> io::Result<()> {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    fs::write(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples");
        write(&path, &[0.0, -1.0, 0.25]).unwrap();
        assert_eq!(read(&path).unwrap(), [0.0, -1.0, 0.25]);
        fs::write(&path, [1, 2, 3]).unwrap();
        assert!(read(&path).is_err());
    }
}
