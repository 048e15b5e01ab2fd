//! The entry.

use crate::transactions::transactions_run;

host::kernel_entry!(transactions_run);
