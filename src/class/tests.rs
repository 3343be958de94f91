//! Tests of the class as a whole.
