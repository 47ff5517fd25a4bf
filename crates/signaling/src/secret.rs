//! Comparing secrets, without telling by the time it takes how much of a guess was right.

/// Whether `candidate` is the secret. Only its length shows in the time.
pub fn is_same(secret: &str, candidate: &str) -> bool {
    let (secret, candidate) = (secret.as_bytes(), candidate.as_bytes());
    secret.len() == candidate.len()
        && secret
            .iter()
            .zip(candidate)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_is_the_same() {
        assert!(is_same("", "") && is_same("secret", "secret"));
        for wrong in ["", "secre", "secret ", "Secret", "secres"] {
            assert!(!is_same("secret", wrong), "{wrong}");
        }
    }
}
