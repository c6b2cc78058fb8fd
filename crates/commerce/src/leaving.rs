//! What of money stands against an account being deleted: whatever is owed, either way, or is under way. And what its
//! person gives up with it: coins, which stay in the books without anybody to spend them, and memberships.
//!
//! Nothing is posted: what is given up stays where it is, on accounts whose owner names nobody any more.

#[cfg(test)]
mod tests;

use busk_base::{ChannelId, PersonId, Timestamp};
use busk_people::deletion::channels_of;
use busk_store::{Read, StoreError, Value};

use crate::accounts::*;
use crate::subscriptions::{self, Subscription};

/// What stands against it, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owing {
    /// Diamonds or money, pending, held or to be paid out.
    Earnings,
    Payout,
    /// Theirs, or one of their channels'.
    Debt,
    /// Of what they paid, or sold. One about coins takes of their gifts only what is held still, which is earnings.
    Dispute,
    Refund,
    /// Begun, and not settled yet.
    Payment,
    /// For an event of theirs that is not settled.
    Tickets,
    /// Somebody has paid to be a member of their channel, or goes on paying.
    Subscribers,
    /// Paid for, and not handed out yet.
    GivenMonths,
}

impl Owing {
    pub const ALL: [Owing; 9] = [
        Owing::Earnings,
        Owing::Payout,
        Owing::Debt,
        Owing::Dispute,
        Owing::Refund,
        Owing::Payment,
        Owing::Tickets,
        Owing::Subscribers,
        Owing::GivenMonths,
    ];

    fn stands(self, db: &mut impl Read, whose: &Whose, now: Timestamp) -> Result<bool, StoreError> {
        match self {
            Owing::Earnings => whose.any(db, &[], &EARNINGS),
            Owing::Debt => whose.any(db, &[payer_debt], &[debt]),
            Owing::Payout => whose.has(
                db,
                "SELECT 1 FROM payout p JOIN channel c ON c.id = p.channel \
                 WHERE c.owner = $1 AND p.state IN ('requested', 'approved', 'sent') LIMIT 1",
            ),
            Owing::Dispute => whose.has(
                db,
                "SELECT 1 FROM dispute d JOIN payment p ON p.id = d.payment LEFT JOIN sale s ON s.payment = d.payment \
                 WHERE d.state = 'opened' AND (p.payer = $1 \
                 OR s.channel IN (SELECT id FROM channel WHERE owner = $1)) LIMIT 1",
            ),
            Owing::Refund => whose.has(
                db,
                "SELECT 1 FROM refund r JOIN payment p ON p.id = r.payment LEFT JOIN sale s ON s.payment = r.payment \
                 WHERE r.state IN ('requested', 'granted', 'failed') AND (p.payer = $1 \
                 OR s.channel IN (SELECT id FROM channel WHERE owner = $1)) LIMIT 1",
            ),
            Owing::Payment => whose.has_at(
                db,
                "SELECT 1 FROM payment WHERE payer = $1 AND state = 'pending' AND expires_at > $2 LIMIT 1",
                now,
            ),
            Owing::Tickets => whose.has(
                db,
                "SELECT 1 FROM ticket t JOIN room r ON r.id = t.room JOIN channel c ON c.id = r.channel \
                 WHERE c.owner = $1 AND t.state IN ('reserved', 'held') LIMIT 1",
            ),
            Owing::Subscribers => whose.has_at(
                db,
                "SELECT 1 FROM subscription s JOIN channel c ON c.id = s.channel \
                 WHERE c.owner = $1 AND (s.until > $2 OR s.renews) LIMIT 1",
                now,
            ),
            Owing::GivenMonths => whose.has(
                db,
                "SELECT 1 FROM subscription_gift g JOIN payment p ON p.id = g.payment \
                 WHERE NOT g.handed_out AND p.state = 'paid' AND (g.giver = $1 OR g.person = $1 \
                 OR g.channel IN (SELECT id FROM channel WHERE owner = $1)) LIMIT 1",
            ),
        }
    }
}

/// A channel's accounts that hold what it earned.
const EARNINGS: [fn(ChannelId) -> busk_ledger::AccountRef; 6] = [
    diamonds_pending,
    diamonds_available,
    earnings_pending,
    earnings_available,
    earnings_reserve,
    earnings_in_transit,
];

struct Whose {
    person: PersonId,
    channels: Vec<ChannelId>,
}

impl Whose {
    /// Whether any of these accounts has something, or lacks something.
    fn any(
        &self,
        db: &mut impl Read,
        theirs: &[fn(PersonId) -> busk_ledger::AccountRef],
        of_channels: &[fn(ChannelId) -> busk_ledger::AccountRef],
    ) -> Result<bool, StoreError> {
        let mut accounts: Vec<_> = theirs.iter().map(|account| account(self.person)).collect();
        for channel in &self.channels {
            accounts.extend(of_channels.iter().map(|account| account(*channel)));
        }
        for account in &accounts {
            if busk_ledger::balance_of(db, account)? != 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has(&self, db: &mut impl Read, sql: &'static str) -> Result<bool, StoreError> {
        Ok(db.row(sql, &[Value::from(self.person)])?.is_some())
    }

    fn has_at(&self, db: &mut impl Read, sql: &'static str, now: Timestamp) -> Result<bool, StoreError> {
        let params = [Value::from(self.person), Value::from(now)];
        Ok(db.row(sql, &params)?.is_some())
    }
}

/// All that stands against it.
pub fn owing(db: &mut impl Read, person: PersonId, now: Timestamp) -> Result<Vec<Owing>, StoreError> {
    let channels = channels_of(db, person)?;
    let whose = Whose {
        person,
        channels: channels.into_iter().map(|channel| channel.id).collect(),
    };
    let mut stands = Vec::new();
    for owing in Owing::ALL {
        if owing.stands(db, &whose, now)? {
            stands.push(owing);
        }
    }
    Ok(stands)
}

/// Memberships that are in force, or would be renewed.
pub fn memberships(
    db: &mut impl Read,
    person: PersonId,
    now: Timestamp,
) -> Result<Vec<Subscription>, StoreError> {
    let all = subscriptions::of_person(db, person, subscriptions::AT_ONCE_MAX)?;
    let lost = all
        .into_iter()
        .filter(|subscription| subscription.until > now || subscription.renews);
    Ok(lost.collect())
}
