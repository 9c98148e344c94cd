//! The cost of one signature: what no program that verifies tokens can be below.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Failure;
use crate::process::pinned;
use crate::tokens::Algorithm;

/// How long one measurement takes.
const TIME: Duration = Duration::from_millis(300);

/// Verifies the tokens of a file in turn, with a key that is parsed once, and prints the nanoseconds of one verification.
pub fn verify(algorithm: &str, folder: &str) -> Result<(), Failure> {
    let (algorithm, folder) = (Algorithm::named(algorithm)?, Path::new(folder));
    let key = parsed_key(algorithm, folder)?;
    let text = std::fs::read_to_string(folder.join(new_tokens_file(algorithm)))?;
    let signed = text.lines().take(1_000).map(|token| {
        let (signed, signature) = token.rsplit_once('.').ok_or("a token without a signature")?;
        Ok((signed, URL_SAFE_NO_PAD.decode(signature)?))
    });
    let signed: Vec<(&str, Vec<u8>)> = signed.collect::<Result<_, Failure>>()?;
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < TIME {
        for (signed, signature) in signed.iter().skip(count as usize % signed.len()).take(20) {
            let verified = key.verify_sig(black_box(signed.as_bytes()), signature);
            verified.map_err(|error| error.to_string())?;
            count += 1;
        }
    }
    println!("{}", start.elapsed().as_nanos() / u128::from(count));
    Ok(())
}

/// The public key of an algorithm, of the files in `folder`.
pub fn parsed_key(algorithm: Algorithm, folder: &Path) -> Result<ParsedPublicKey, Failure> {
    let bytes = std::fs::read(folder.join(algorithm.key_file()))?;
    let key = match algorithm {
        Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes),
        Algorithm::Rs256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, bytes),
        Algorithm::EdDsa => return Err("no row has new tokens with EdDSA".into()),
    };
    Ok(key.map_err(|error| error.to_string())?)
}

/// The tokens of the row in which each is new.
pub fn new_tokens_file(algorithm: Algorithm) -> String {
    format!("new-{}", algorithm.name())
}

/// Runs [`verify`] on `core` and returns the seconds of one verification.
pub fn seconds(core: &str, algorithm: Algorithm, folder: &Path) -> Result<f64, Failure> {
    let mut command = pinned(core, std::env::current_exe()?);
    let output = command.args(["verify", algorithm.name()]).arg(folder).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let nanoseconds: f64 = text
        .trim()
        .parse()
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok(nanoseconds / 1e9)
}
