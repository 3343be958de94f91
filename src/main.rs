//! The binary. It is as small as it can be: what it called of generic code would be compiled once
//! here and once in the library.

fn main() -> std::process::ExitCode {
    pushlab::program::main()
}
