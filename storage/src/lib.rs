//! Tables of the kernel over durable storage, and the atomic commit.
