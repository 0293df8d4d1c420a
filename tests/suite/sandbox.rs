//! What the sandbox told us through the environment.

/// The value of a variable that `sandbox/sandbox env` sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("`{name}` is not set: run `make test`, or `sandbox/sandbox up` and `eval \"$(sandbox/sandbox env)\"`")
    })
}

/// A number that a variable asks for; none where it is not set.
pub fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}
