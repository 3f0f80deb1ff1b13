//! What Windows is told of the program: its name, version and licence, and what it may expect of Windows.

use winresource::WindowsResource;

const MANIFEST: &str = "../../deploy/windows/azdb-proxy.exe.manifest";
const NAME: &str = "azdb-proxy";

fn main() {
    println!("cargo::rerun-if-changed={MANIFEST}");
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS");
    if target.is_ok_and(|target| target == "windows")
        && let Err(error) = describe()
    {
        // The program is the same without.
        println!("cargo::warning=the program says nothing of itself to Windows: {error}");
    }
}

fn describe() -> std::io::Result<()> {
    let licence = std::env::var("CARGO_PKG_LICENSE").unwrap_or_default();
    let mut resource = WindowsResource::new();
    resource
        .set_manifest_file(MANIFEST)
        .set("CompanyName", "The azdb-proxy maintainers")
        .set(
            "FileDescription",
            "azdb-proxy: Azure databases without secrets",
        )
        .set("InternalName", NAME)
        .set("LegalCopyright", &format!("Licence: {licence}"))
        .set("OriginalFilename", "azdb-proxy.exe");
    resource.compile_for(NAME)
}
