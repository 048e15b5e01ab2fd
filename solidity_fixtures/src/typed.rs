//! Functions over the types that `sol!` makes of a contract's interface.

/// Functions that give creation code, with the constructor's arguments if it has any.
macro_rules! creation_code {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($parameter:ident: $type:ty),*) => $contract:ident $({ $($argument:tt)* })?;
    )*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name($($parameter: $type),*) -> ::alloy_primitives::Bytes {
            [
                &$contract::BYTECODE[..],
                $(&::alloy_sol_types::SolConstructor::abi_encode(
                    &$contract::constructorCall { $($argument)* },
                ),)?
            ]
            .concat()
            .into()
        }
    )*};
}
pub(crate) use creation_code;

/// Functions that give calldata, of a call of the interface.
macro_rules! calldata {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($parameter:ident: $type:ty),*) => $call:expr;
    )*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name($($parameter: $type),*) -> ::alloy_primitives::Bytes {
            ::alloy_sol_types::SolCall::abi_encode(&$call).into()
        }
    )*};
}
pub(crate) use calldata;

/// Functions that give revert data, of an error of the interface.
macro_rules! revert_data {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($parameter:ident: $type:ty),*) => $error:expr;
    )*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name($($parameter: $type),*) -> ::alloy_primitives::Bytes {
            ::alloy_sol_types::SolError::abi_encode(&$error).into()
        }
    )*};
}
pub(crate) use revert_data;

/// Functions that give the first topic of an event of the interface.
macro_rules! topics {
    ($($name:ident => $event:ty;)*) => {$(
        #[doc = concat!("The first topic of [`", stringify!($event), "`].")]
        #[must_use]
        pub fn $name() -> ::alloy_primitives::B256 {
            <$event as ::alloy_sol_types::SolEvent>::SIGNATURE_HASH
        }
    )*};
}
pub(crate) use topics;
