//! One file per command of the command line (product.md). Each answers with an exit status.

pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod config_show;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod listen;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod receiver;
pub(crate) mod rotate_secret_key;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod verify;
