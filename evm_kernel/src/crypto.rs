//! The engine's cryptography: sender recovery and the `ecrecover` precompile
//! share one implementation; all else is the engine's own.
//!
//! Every method is spelled out: those that are inherited would be compiled a
//! second time, which costs half a megabyte.

use alloc::vec::Vec;
use revm::precompile::bls12_381::{G1Point, G1PointScalar, G2Point, G2PointScalar};
use revm::precompile::{Crypto, DefaultCrypto, PrecompileHalt};

#[derive(Debug)]
struct KernelCrypto;

/// Makes the engine use [`KernelCrypto`]. Only the first call in a process counts.
pub(crate) fn install() {
    revm::install_crypto(KernelCrypto);
}

impl Crypto for KernelCrypto {
    fn secp256k1_ecrecover(
        &self,
        sig: &[u8; 64],
        recid: u8,
        msg: &[u8; 32],
    ) -> Result<[u8; 32], PrecompileHalt> {
        let key = ethereum::public_key(msg, sig, recid)
            .map_err(|_| PrecompileHalt::Secp256k1RecoverFailed)?;
        Ok(ethereum::signature::address(&key).into_word().0)
    }

    fn sha256(&self, input: &[u8]) -> [u8; 32] {
        DefaultCrypto.sha256(input)
    }

    fn ripemd160(&self, input: &[u8]) -> [u8; 32] {
        DefaultCrypto.ripemd160(input)
    }

    fn bn254_g1_add(&self, p1: &[u8], p2: &[u8]) -> Result<[u8; 64], PrecompileHalt> {
        DefaultCrypto.bn254_g1_add(p1, p2)
    }

    fn bn254_g1_mul(&self, point: &[u8], scalar: &[u8]) -> Result<[u8; 64], PrecompileHalt> {
        DefaultCrypto.bn254_g1_mul(point, scalar)
    }

    fn bn254_pairing_check(&self, pairs: &[(&[u8], &[u8])]) -> Result<bool, PrecompileHalt> {
        DefaultCrypto.bn254_pairing_check(pairs)
    }

    fn modexp(&self, base: &[u8], exp: &[u8], modulus: &[u8]) -> Result<Vec<u8>, PrecompileHalt> {
        DefaultCrypto.modexp(base, exp, modulus)
    }

    fn blake2_compress(&self, rounds: u32, h: &mut [u64; 8], m: &[u64; 16], t: &[u64; 2], f: bool) {
        DefaultCrypto.blake2_compress(rounds, h, m, t, f);
    }

    fn secp256r1_verify_signature(&self, msg: &[u8; 32], sig: &[u8; 64], pk: &[u8; 64]) -> bool {
        DefaultCrypto.secp256r1_verify_signature(msg, sig, pk)
    }

    fn verify_kzg_proof(
        &self,
        z: &[u8; 32],
        y: &[u8; 32],
        commitment: &[u8; 48],
        proof: &[u8; 48],
    ) -> Result<(), PrecompileHalt> {
        DefaultCrypto.verify_kzg_proof(z, y, commitment, proof)
    }

    fn bls12_381_g1_add(&self, a: G1Point, b: G1Point) -> Result<[u8; 96], PrecompileHalt> {
        DefaultCrypto.bls12_381_g1_add(a, b)
    }

    fn bls12_381_g1_msm(
        &self,
        pairs: &mut dyn Iterator<Item = Result<G1PointScalar, PrecompileHalt>>,
    ) -> Result<[u8; 96], PrecompileHalt> {
        DefaultCrypto.bls12_381_g1_msm(pairs)
    }

    fn bls12_381_g2_add(&self, a: G2Point, b: G2Point) -> Result<[u8; 192], PrecompileHalt> {
        DefaultCrypto.bls12_381_g2_add(a, b)
    }

    fn bls12_381_g2_msm(
        &self,
        pairs: &mut dyn Iterator<Item = Result<G2PointScalar, PrecompileHalt>>,
    ) -> Result<[u8; 192], PrecompileHalt> {
        DefaultCrypto.bls12_381_g2_msm(pairs)
    }

    fn bls12_381_pairing_check(
        &self,
        pairs: &[(G1Point, G2Point)],
    ) -> Result<bool, PrecompileHalt> {
        DefaultCrypto.bls12_381_pairing_check(pairs)
    }

    fn bls12_381_fp_to_g1(&self, fp: &[u8; 48]) -> Result<[u8; 96], PrecompileHalt> {
        DefaultCrypto.bls12_381_fp_to_g1(fp)
    }

    fn bls12_381_fp2_to_g2(&self, fp2: ([u8; 48], [u8; 48])) -> Result<[u8; 192], PrecompileHalt> {
        DefaultCrypto.bls12_381_fp2_to_g2(fp2)
    }
}
