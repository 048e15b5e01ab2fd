//! Imports of the small kernels that tests write.

/// The functions of durable storage that each version of the machine has.
pub(crate) const STORE: &str = r#"
  (import "smart_rollup_core" "store_has" (func $has (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete" (func $delete (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_list_size" (func $list (param i32 i32) (result i64)))
  (import "smart_rollup_core" "store_get_nth_key" (func $nth (param i32 i32 i64 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_copy" (func $copy (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_move" (func $move (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_read" (func $read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_value_size" (func $size (param i32 i32) (result i32)))"#;
