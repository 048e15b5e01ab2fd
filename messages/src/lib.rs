//! Tezos wire formats: inbox, outbox, Micheline, tickets, addresses.
