//! A disk that fails when told: `disk.c`, compiled and put between the program and its C library.
//! Needs a C compiler, as the build does, and no privileges.

use std::path::PathBuf;
use std::process::Command;

/// What can be wrong with it.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// No file grows.
    Full,
    /// No sync succeeds.
    Broken,
}

/// The disk of the processes that get its environment.
#[derive(Debug)]
pub struct Disk {
    folder: tempfile::TempDir,
    library: String,
    faults: String,
}

impl Disk {
    /// One without a fault.
    pub fn sound() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("disk.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole/support/disk.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library);
        assert!(compiler.arg(source).arg("-ldl").status().unwrap().success());
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let faults = text(folder.path().to_owned());
        Self { library: text(library), faults, folder }
    }

    /// What a process is given to meet the faults of this disk.
    pub fn environment(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", &self.library), ("DISK_FAULTS", &self.faults)]
    }

    pub fn begin(&self, fault: Fault) {
        std::fs::write(self.flag(fault), "").unwrap();
    }

    pub fn end(&self, fault: Fault) {
        std::fs::remove_file(self.flag(fault)).unwrap();
    }

    fn flag(&self, fault: Fault) -> PathBuf {
        self.folder.path().join(match fault {
            Fault::Full => "full",
            Fault::Broken => "broken",
        })
    }
}
