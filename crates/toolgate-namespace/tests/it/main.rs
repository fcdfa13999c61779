//! Tests of the public surface: the naming laws, over tables and over hostile names.

mod hostile;
mod ids;
mod naming;
mod table;
