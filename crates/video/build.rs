//! Compiles what stands in front of the C codec libraries, and links the system's libvpx.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=shim");
    let has = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if has("VP8") || has("VP9") {
        match pkg_config::Config::new().atleast_version("1.12").probe("vpx") {
            Ok(library) => cc::Build::new()
                .file("shim/vpx.c")
                .includes(library.include_paths)
                .warnings_into_errors(false)
                .compile("sidetone_vpx"),
            Err(error) => {
                println!("cargo:warning=libvpx is needed for VP8 and VP9: {error}");
                std::process::exit(1);
            }
        }
    }
    if has("AV1") {
        let mut build = cc::Build::new();
        if let Some(include) = env::var_os("DEP_AOM_INCLUDE") {
            build.include(include);
        }
        build.file("shim/aom.c").compile("sidetone_aom");
    }
}
