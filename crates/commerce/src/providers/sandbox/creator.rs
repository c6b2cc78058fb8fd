//! Creators, as the sandbox knows them: who they are, and what their bank does with money sent to it.

use std::time::Duration;

use busk_base::{ChannelId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use super::charge::another;
use super::movements;
use super::outbox::{self, Saying};
use crate::providers::{
    About, AccountNotice, Identity, PayoutNotice, PayoutSaid, ProviderError, Settlement, SettlementKind,
    Transfer,
};

/// What a creator's bank does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bank {
    Takes,
    /// The money never arrives.
    Fails,
    /// Takes it, and sends it back.
    Returns,
}

/// What a creator says at the sandbox's page: who they are, and what their bank will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Verify(Bank),
    Wait,
    Reject,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Account {
    pub(super) account: String,
    pub(super) channel: ChannelId,
    pub(super) identity: Identity,
    pub(super) bank: Bank,
    pub(super) return_to: String,
}

static ACCOUNT: Insert = Insert {
    table: "sandbox_account",
    columns: &[
        ("account", Type::Text),
        ("channel", Type::Blob),
        ("identity", Type::Text),
        ("bank", Type::Text),
        ("return_to", Type::Text),
    ],
};

static TRANSFER: Insert = Insert {
    table: "sandbox_transfer",
    columns: &[
        ("payout", Type::Blob),
        ("account", Type::Text),
        ("amount", Type::Int),
        ("currency", Type::Text),
    ],
};

impl Bank {
    const ALL: [Self; 3] = [Self::Takes, Self::Fails, Self::Returns];

    fn word(self) -> &'static str {
        match self {
            Bank::Takes => "takes",
            Bank::Fails => "fails",
            Bank::Returns => "returns",
        }
    }
}

impl Answer {
    pub(super) const ALL: [Self; 5] = [
        Self::Verify(Bank::Takes),
        Self::Verify(Bank::Fails),
        Self::Verify(Bank::Returns),
        Self::Wait,
        Self::Reject,
    ];

    /// As buttons and tests name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Answer::Verify(Bank::Takes) => "verify",
            Answer::Verify(Bank::Fails) => "verify-failing",
            Answer::Verify(Bank::Returns) => "verify-returning",
            Answer::Wait => "wait",
            Answer::Reject => "reject",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.word() == word)
    }
}

const IDENTITIES: [(Identity, &str); 4] = [
    (Identity::Unverified, "unverified"),
    (Identity::Pending, "pending"),
    (Identity::Verified, "verified"),
    (Identity::Rejected, "rejected"),
];

fn word_of(identity: Identity) -> &'static str {
    let found = IDENTITIES.iter().find(|(known, _)| *known == identity);
    found.map_or("unverified", |(_, word)| *word)
}

impl Account {
    /// Opens the page for a creator; gives the name of the one that the channel has already.
    pub(super) fn open(self, tx: &mut Tx) -> Result<String, StoreError> {
        let known = tx.row(
            "SELECT account FROM sandbox_account WHERE channel = $1",
            params![self.channel],
        )?;
        if let Some(row) = known {
            let account: String = row.get(0)?;
            tx.execute(
                "UPDATE sandbox_account SET return_to = $2 WHERE account = $1",
                params![&account, &self.return_to],
            )?;
            return Ok(account);
        }
        let row = row![
            self.account.as_str(),
            self.channel,
            word_of(self.identity),
            self.bank.word(),
            self.return_to.as_str()
        ];
        tx.insert(&ACCOUNT, row);
        Ok(self.account)
    }

    pub(super) fn find(db: &mut impl Read, account: &str) -> Result<Option<Self>, StoreError> {
        let row = db.row(
            "SELECT account, channel, identity, bank, return_to FROM sandbox_account WHERE account = $1",
            params![account],
        )?;
        let Some(row) = row else { return Ok(None) };
        let (identity, bank): (String, String) = (row.get(2)?, row.get(3)?);
        let broken = |what: &str| StoreError::Broken(format!("a creator whose state is {what}"));
        let known = IDENTITIES.iter().find(|(_, word)| *word == identity);
        Ok(Some(Self {
            account: row.get(0)?,
            channel: row.get(1)?,
            identity: known.ok_or_else(|| broken(&identity))?.0,
            bank: Bank::ALL
                .into_iter()
                .find(|known| known.word() == bank)
                .ok_or_else(|| broken(&bank))?,
            return_to: row.get(4)?,
        }))
    }
}

/// The creator answers at the page; the last answer counts.
pub(super) fn answer(
    tx: &mut Tx,
    account: &str,
    answer: Answer,
    now: Timestamp,
) -> Result<Option<Account>, StoreError> {
    let Some(found) = Account::find(tx, account)? else {
        return Ok(None);
    };
    let (identity, bank) = match answer {
        Answer::Verify(bank) => (Identity::Verified, bank),
        Answer::Wait => (Identity::Pending, found.bank),
        Answer::Reject => (Identity::Rejected, found.bank),
    };
    tx.execute(
        "UPDATE sandbox_account SET identity = $2, bank = $3 WHERE account = $1",
        params![account, word_of(identity), bank.word()],
    )?;
    let was = |identity, at| {
        About::Account(AccountNotice {
            account: account.to_owned(),
            identity,
            at,
        })
    };
    // What was true a moment before is said after what is true now.
    let sayings = vec![
        Saying {
            word: "known",
            about: was(identity, now + Duration::from_millis(1)),
            delays_ms: &[400, 2_300],
        },
        Saying {
            word: "asked",
            about: was(Identity::Pending, now),
            delays_ms: &[1_300],
        },
    ];
    outbox::say(tx, &format!("{account}_{}", now.unix_us()), sayings, now)?;
    Ok(Some(Account {
        identity,
        bank,
        ..found
    }))
}

/// Sends money to a creator's bank.
pub(super) fn transfer(tx: &mut Tx, wanted: &Transfer, now: Timestamp) -> Result<(), ProviderError> {
    let known = tx.row(
        "SELECT account, amount, currency FROM sandbox_transfer WHERE payout = $1",
        params![wanted.payout],
    )?;
    if let Some(row) = known {
        let same = row.get::<String>(0)? == wanted.account
            && row.get::<i64>(1)? == wanted.amount
            && row.get::<String>(2)? == wanted.currency;
        return if same { Ok(()) } else { Err(another()) };
    }
    let account = Account::find(tx, &wanted.account)?;
    let account =
        account.ok_or_else(|| ProviderError::Refused("resource_missing: no such account".into()))?;
    if account.identity != Identity::Verified {
        return Err(ProviderError::Refused("the account is not verified".into()));
    }
    if wanted.amount <= 0 {
        return Err(ProviderError::Refused("nothing to send".into()));
    }

    let row = row![
        wanted.payout,
        wanted.account.as_str(),
        wanted.amount,
        wanted.currency.as_str()
    ];
    tx.insert(&TRANSFER, row);
    let saying = |word, said, reason: Option<&str>, delays_ms| Saying {
        word,
        about: About::Payout(PayoutNotice {
            said,
            payout: wanted.payout,
            amount: wanted.amount,
            currency: wanted.currency.clone(),
            reason: reason.map(str::to_owned),
        }),
        delays_ms,
    };
    let paid = |delays_ms| saying("paid", PayoutSaid::Paid, None, delays_ms);
    let sayings = match account.bank {
        Bank::Takes => {
            moved(tx, wanted, "paid", -wanted.amount, now + ARRIVES_AFTER);
            vec![paid(&[2_000, 3_600])]
        }
        Bank::Fails => {
            let why = Some("no_account: the bank knows no such account");
            vec![saying("failed", PayoutSaid::Failed, why, &[2_000, 3_100])]
        }
        Bank::Returns => {
            moved(tx, wanted, "paid", -wanted.amount, now + ARRIVES_AFTER);
            moved(tx, wanted, "returned", wanted.amount, now + RETURNS_AFTER);
            let why = Some("account_closed: the bank sent it back");
            let returned = saying("returned", PayoutSaid::Returned, why, &[4_000, 5_500]);
            vec![paid(&[2_000, 4_800]), returned]
        }
    };
    Ok(outbox::say(tx, &format!("tr_{}", wanted.payout), sayings, now)?)
}

const ARRIVES_AFTER: Duration = Duration::from_secs(2);
const RETURNS_AFTER: Duration = Duration::from_secs(4);

fn moved(tx: &mut Tx, transfer: &Transfer, word: &str, gross: i64, at: Timestamp) {
    let movement = Settlement {
        id: format!("txn_tr_{}_{word}", transfer.payout),
        kind: SettlementKind::Payout,
        of: transfer.payout.to_string(),
        gross,
        fee: 0,
        currency: transfer.currency.clone(),
        at,
    };
    movements::note(tx, movement);
}
