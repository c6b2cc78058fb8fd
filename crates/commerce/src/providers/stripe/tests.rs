//! Stripe: what is asked of it, what it says, and what is believed of that.

mod calls;
mod events;
mod signatures;
