//! A model test: random histories of buying, giving, refunds, disputes, release and redeeming, against the same in
//! plain numbers, on both databases. The model with a seeded bug must be told apart, or the comparison would prove
//! nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use busk_base::{JobId, PersonId, PostingId, RedemptionId, RefundId, Timestamp, split};
use busk_testkit::db::TestDb;
use uuid::Uuid;

use crate::accounts::*;
use crate::chance::Chance;
use crate::earnings::{self, Redeem};
use crate::notices::Heard;
use crate::providers::{About, DisputeSaid, PaymentNotice, PaymentSaid, RefundNotice, RefundSaid};
use crate::refunds::{self, Ask, By, RefundState};
use crate::scene::*;

const SEQUENCES_DEFAULT: u32 = 6;
const OPERATIONS: usize = 40;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
const WHO: [PersonId; 2] = [BEA, CID];

/// What the books should be, said as plainly as possible. A coin, a diamond and a cent are worth the same.
#[derive(Clone, Default, Debug)]
struct Model {
    people: [Person; 2],
    bought: Vec<Bought>,
    gifts: Vec<Gift>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    pending: i64,
    available: i64,
    earned: i64,
    revenue: i64,
    provider: i64,
    fees: i64,
    /// The seeded bug: a refund that leaves the promotional coins.
    forgets_promotional: bool,
}

#[derive(Clone, Copy, Default, Debug)]
struct Person {
    wallet: i64,
    promotional: i64,
    frozen: i64,
    promotional_frozen: i64,
    debt: i64,
}

#[derive(Clone, Copy, Debug)]
struct Bought {
    who: usize,
    coins: i64,
    promotional: i64,
    coins_back: i64,
    promotional_back: i64,
    money_back: i64,
    /// How many gifts were given before.
    gifts_before: usize,
}

#[derive(Clone, Copy, Debug)]
struct Gift {
    who: usize,
    paid: i64,
    diamonds: i64,
    taken: i64,
    at: Timestamp,
    released: bool,
}

#[derive(Clone, Copy, Debug)]
struct Refund {
    bought: usize,
    coins: i64,
    promotional: i64,
    over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Dispute {
    bought: usize,
    amount: i64,
    coins: i64,
    promotional: i64,
    open: bool,
}

impl Model {
    fn buy(&mut self, who: usize, coins: i64, promotional: i64) {
        let person = &mut self.people[who];
        let settled = person.debt.min(coins);
        person.debt -= settled;
        person.wallet += coins - settled;
        person.promotional += promotional;
        self.provider -= coins;
        self.bought.push(Bought {
            who,
            coins,
            promotional,
            coins_back: settled,
            promotional_back: 0,
            money_back: 0,
            gifts_before: self.gifts.len(),
        });
    }

    fn give(&mut self, who: usize, total: i64, at: Timestamp) -> bool {
        let person = &mut self.people[who];
        let promotional = person.promotional.min(total);
        let paid = total - promotional;
        if paid > person.wallet {
            return false;
        }
        person.promotional -= promotional;
        person.wallet -= paid;
        let shares = split(paid, 50);
        self.pending += shares.creator;
        self.revenue += shares.platform;
        self.gifts.push(Gift {
            who,
            paid,
            diamonds: shares.creator,
            taken: 0,
            at,
            released: false,
        });
        true
    }

    /// Takes coins of a purchase out of the wallet.
    fn leave(&mut self, place: usize, coins: i64, forgets: bool) -> (i64, i64) {
        let bought = &mut self.bought[place];
        let person = &mut self.people[bought.who];
        bought.coins_back += coins;
        let due = bought.promotional * bought.coins_back / bought.coins - bought.promotional_back;
        let promotional = if forgets { 0 } else { due.min(person.promotional) };
        bought.promotional_back += promotional;
        person.wallet -= coins;
        person.promotional -= promotional;
        (coins, promotional)
    }

    fn come_back(&mut self, place: usize, (coins, promotional): (i64, i64)) {
        let bought = &mut self.bought[place];
        bought.coins_back -= coins;
        bought.promotional_back -= promotional;
        self.people[bought.who].wallet += coins;
        self.people[bought.who].promotional += promotional;
    }

    fn unspent(&self, place: usize) -> i64 {
        let bought = &self.bought[place];
        (bought.coins - bought.coins_back).min(self.people[bought.who].wallet)
    }

    fn refund(&mut self, place: usize, amount: i64) -> bool {
        let kept = self.bought[place].coins - self.bought[place].money_back;
        if amount > self.unspent(place).min(kept) {
            return false;
        }
        let (coins, promotional) = self.leave(place, amount, self.forgets_promotional);
        self.bought[place].money_back += amount;
        self.provider += amount;
        self.refunds.push(Refund {
            bought: place,
            coins,
            promotional,
            over: false,
        });
        true
    }

    fn refund_said(&mut self, number: usize, done: bool) {
        let refund = &mut self.refunds[number];
        if !std::mem::replace(&mut refund.over, true) && !done {
            let (place, lot) = (refund.bought, (refund.coins, refund.promotional));
            self.bought[place].money_back -= lot.0;
            self.provider -= lot.0;
            self.come_back(place, lot);
        }
    }

    fn open(&mut self, place: usize, amount: i64) -> bool {
        let bought = self.bought[place];
        if amount > bought.coins - bought.money_back {
            return false;
        }
        let (coins, promotional) = self.leave(place, amount.min(self.unspent(place)), false);
        self.people[bought.who].frozen += coins;
        self.people[bought.who].promotional_frozen += promotional;
        self.bought[place].money_back += amount;
        self.provider += amount + 1_500;
        self.fees -= 1_500;
        self.disputes.push(Dispute {
            bought: place,
            amount,
            coins,
            promotional,
            open: true,
        });
        true
    }

    fn close(&mut self, number: usize, won: bool) {
        let dispute = self.disputes[number];
        if !std::mem::replace(&mut self.disputes[number].open, false) {
            return;
        }
        let bought = self.bought[dispute.bought];
        let person = &mut self.people[bought.who];
        person.frozen -= dispute.coins;
        person.promotional_frozen -= dispute.promotional;
        if won {
            self.provider -= dispute.amount;
            self.bought[dispute.bought].money_back -= dispute.amount;
            self.come_back(dispute.bought, (dispute.coins, dispute.promotional));
            return;
        }
        let mut left = dispute.amount - dispute.coins;
        let mut owed = left;
        for gift in self.gifts[bought.gifts_before..].iter_mut().rev() {
            let take = left.min(gift.paid - gift.taken);
            if gift.who != bought.who || take == 0 {
                continue;
            }
            let upto = |coins: i64| gift.diamonds * coins / gift.paid;
            let diamonds = upto(gift.taken + take) - upto(gift.taken);
            gift.taken += take;
            left -= take;
            self.revenue -= take - diamonds;
            owed -= take - diamonds;
            if !gift.released {
                self.pending -= diamonds;
                owed -= diamonds;
            }
        }
        self.people[bought.who].debt += owed;
    }

    fn release(&mut self, now: Timestamp) {
        for gift in self
            .gifts
            .iter_mut()
            .filter(|gift| !gift.released && gift.at + WEEK <= now)
        {
            gift.released = true;
            let upto = |coins: i64| {
                if gift.paid == 0 {
                    0
                } else {
                    gift.diamonds * coins / gift.paid
                }
            };
            let left = gift.diamonds - upto(gift.taken);
            self.pending -= left;
            self.available += left;
        }
    }

    fn redeem(&mut self, diamonds: i64) -> bool {
        let enough = diamonds <= self.available;
        if enough {
            self.available -= diamonds;
            self.earned += diamonds;
        }
        enough
    }

    /// What each account has.
    fn books(&self) -> BTreeMap<(String, Option<Uuid>), i64> {
        let mut all = BTreeMap::new();
        let mut put = |account: busk_ledger::AccountRef, balance: i64| {
            if balance != 0 {
                all.insert((account.name.to_owned(), account.owner), balance);
            }
        };
        for (person, has) in WHO.into_iter().zip(&self.people) {
            put(wallet(person), has.wallet);
            put(wallet_promotional(person), has.promotional);
            put(wallet_frozen(person), has.frozen);
            put(wallet_promotional_frozen(person), has.promotional_frozen);
            put(payer_debt(person), -has.debt);
        }
        let coins = self.people.iter().map(|has| has.wallet + has.frozen).sum();
        let open = self.disputes.iter().filter(|dispute| dispute.open);
        put(DISPUTED, -open.map(|dispute| dispute.amount).sum::<i64>());
        put(COIN_FLOAT, coins);
        put(DIAMOND_FLOAT, self.pending + self.available);
        put(diamonds_pending(CHANNEL), self.pending);
        put(diamonds_available(CHANNEL), self.available);
        put(DIAMOND_REDEEMED, self.earned);
        put(DIAMOND_ISSUED, -(self.pending + self.available + self.earned));
        put(earnings_available(CHANNEL), self.earned);
        put(PLATFORM_REVENUE, self.revenue);
        put(PSP_CLEARING, self.provider);
        put(DISPUTE_FEES, self.fees);
        all
    }
}

/// Accounts whose balance the model does not keep: what coins came from and went to.
const UNKEPT: [&str; 3] = ["coin_issued", "coin_promoted", "coin_spent"];

const GIFTS: [(&str, i64); 4] = [("heart", 1), ("coffee", 25), ("guitar", 199), ("encore", 999)];
const PACKS: [(&str, i64, i64); 4] = [
    ("coins-70", 70, 0),
    ("coins-350", 350, 0),
    ("coins-1400", 1_400, 0),
    ("coins-7000", 7_000, 350),
];

/// One history: the site, the model, and what has been done.
struct History {
    scene: Scene,
    model: Model,
    now: Timestamp,
    told: u128,
    done: Vec<String>,
}

impl History {
    async fn begin(db: TestDb, forgets_promotional: bool) -> Self {
        let mut model = Model {
            forgets_promotional,
            ..Model::default()
        };
        // Bea's coins of the scene; no operation is about them.
        model.people[0].wallet = 70;
        model.provider = -70;
        Self {
            scene: Scene::set(db).await,
            model,
            now: NOW,
            told: 1_000,
            done: Vec::new(),
        }
    }

    fn next(&mut self) -> u128 {
        self.told += 1;
        self.told
    }

    /// Does one thing in both; an error says what differs.
    async fn step(&mut self, chance: &mut Chance) -> Result<(), String> {
        let what = chance.below(16);
        let same = match what {
            0..=3 => self.buy(chance).await,
            4..=6 => self.give(chance).await,
            7..=8 => self.refund(chance).await,
            9 => self.refund_said(chance).await,
            10..=11 => self.open(chance).await,
            12..=13 => self.close(chance).await,
            14 => self.release(chance).await,
            _ => self.redeem(chance).await,
        };
        if !same {
            return Err("another answer".into());
        }
        let mut books = self.scene.books().await;
        books.retain(|(name, _), _| !UNKEPT.contains(&name.as_str()));
        let model = self.model.books();
        if books == model {
            Ok(())
        } else {
            Err(format!("the books have {books:#?}, the model says {model:#?}"))
        }
    }

    async fn buy(&mut self, chance: &mut Chance) -> bool {
        let (who, (pack, coins, promotional)) = (chance.place(2), PACKS[chance.place(PACKS.len())]);
        self.done.push(format!("{who} buys {pack}"));
        let number = self.model.bought.len() as u128 + 1;
        let buy = crate::coins::Buy {
            pack: pack.into(),
            ..buy_70(number, WHO[who])
        };
        // An hour later, so that nobody buys too often.
        let at = self.now + Duration::from_secs(3_601 * number as u64);
        let begun = self.scene.begin(buy, at).await.is_ok();
        let debt = self.model.people[who].debt;
        if coins < debt.min(17_500) {
            return !begun;
        }
        let said = PaymentNotice {
            amount: coins,
            ..notice(number, WHO[who], PaymentSaid::Settled)
        };
        let heard = self.scene.hear(said).await;
        self.model.buy(who, coins, promotional);
        begun && heard == Heard::Settled
    }

    async fn give(&mut self, chance: &mut Chance) -> bool {
        let (who, (kind, price)) = (chance.place(2), GIFTS[chance.place(GIFTS.len())]);
        let count = chance.below(5) + 1;
        self.done.push(format!("{who} gives {count} {kind}"));
        let number = self.next();
        let given = self.scene.give(number, WHO[who], kind, count, self.now).await;
        self.model.give(who, price * count, self.now) == given.is_ok()
    }

    async fn refund(&mut self, chance: &mut Chance) -> bool {
        if self.model.bought.is_empty() {
            return true;
        }
        let place = chance.place(self.model.bought.len());
        let amount = chance.below(self.model.bought[place].coins) + 1;
        self.done.push(format!("refund of {amount} of {place}"));
        let wanted = Ask {
            id: RefundId(Uuid::from_u128(self.model.refunds.len() as u128 + (5 << 100))),
            payment: payment_id(place as u128 + 1),
            by: By::Operator(ADA),
            amount: Some(amount),
            reason: "by mistake".into(),
        };
        let (job, now) = (JobId(Uuid::from_u128(self.next())), self.now);
        let asked = self
            .scene
            .store
            .write(move |tx| refunds::ask(tx, &wanted, job, &rules(), now))
            .await;
        let granted = asked.is_ok_and(|refund| refund.state == RefundState::Granted);
        self.model.refund(place, amount) == granted
    }

    async fn refund_said(&mut self, chance: &mut Chance) -> bool {
        let open = self
            .model
            .refunds
            .iter()
            .enumerate()
            .filter(|(_, refund)| !refund.over);
        let open: Vec<usize> = open.map(|(number, _)| number).collect();
        if open.is_empty() {
            return true;
        }
        let (number, done) = (open[chance.place(open.len())], chance.below(2) == 0);
        self.done.push(format!("refund {number} done: {done}"));
        let said = RefundNotice {
            said: if done {
                RefundSaid::Succeeded
            } else {
                RefundSaid::Failed
            },
            refund: RefundId(Uuid::from_u128(number as u128 + (5 << 100))),
            amount: self.model.refunds[number].coins,
            currency: "USD".into(),
        };
        let id = format!("refund-{number}-{done}");
        let heard = self.scene.hear_about(&id, About::Refund(said)).await;
        self.model.refund_said(number, done);
        heard
            == if done {
                Heard::Refunded
            } else {
                Heard::RefundFailed
            }
    }

    /// Says something of the dispute of this number, which is of the purchase at `place`.
    async fn dispute_said(&self, number: usize, place: usize, said: DisputeSaid, amount: i64) -> Heard {
        let About::Dispute(mut notice) = dispute(place as u128 + 1, said, amount) else {
            unreachable!("a dispute is one")
        };
        notice.id = dispute_id(number as u128);
        let id = format!("dispute-{number}-{said:?}-{}", self.told);
        self.scene.hear_about(&id, About::Dispute(notice)).await
    }

    async fn open(&mut self, chance: &mut Chance) -> bool {
        if self.model.bought.is_empty() {
            return true;
        }
        let place = chance.place(self.model.bought.len());
        let whole = self.model.bought[place].coins;
        let amount = if chance.below(2) == 0 {
            whole
        } else {
            chance.below(whole) + 1
        };
        self.done.push(format!("dispute of {amount} of {place}"));
        self.next();
        let number = self.model.disputes.len();
        let heard = self
            .dispute_said(number, place, DisputeSaid::Opened, amount)
            .await;
        self.model.open(place, amount) == (heard == Heard::Disputed)
    }

    async fn close(&mut self, chance: &mut Chance) -> bool {
        if self.model.disputes.is_empty() {
            return true;
        }
        let number = chance.place(self.model.disputes.len());
        let (dispute, won) = (self.model.disputes[number], chance.below(3) == 0);
        self.done.push(format!("dispute {number} won: {won}"));
        let said = if won { DisputeSaid::Won } else { DisputeSaid::Lost };
        self.next();
        let heard = self
            .dispute_said(number, dispute.bought, said, dispute.amount)
            .await;
        self.model.close(number, won);
        dispute.open == matches!(heard, Heard::DisputeWon | Heard::DisputeLost)
    }

    async fn release(&mut self, chance: &mut Chance) -> bool {
        self.now = self.now + Duration::from_secs(24 * 3_600) * (chance.place(6) as u32);
        self.done
            .push(format!("release at {:?}", self.now.unix_s() - NOW.unix_s()));
        let (id, now) = (PostingId(Uuid::from_u128(self.next())), self.now);
        let released = self
            .scene
            .store
            .write(move |tx| earnings::release(tx, CHANNEL, id, &rules(), now))
            .await;
        let before = self.model.available;
        self.model.release(now);
        released.ok() == Some(self.model.available - before)
    }

    async fn redeem(&mut self, chance: &mut Chance) -> bool {
        let diamonds = chance.below(300) + 1;
        self.done.push(format!("redeem {diamonds}"));
        let redeem = Redeem {
            id: RedemptionId(Uuid::from_u128(self.next())),
            channel: CHANNEL,
            diamonds,
        };
        let redeemed = self
            .scene
            .store
            .write(move |tx| earnings::redeem(tx, &redeem, &rules(), NOW));
        self.model.redeem(diamonds) == redeemed.await.is_ok()
    }
}

/// Runs histories until one differs, and gives what was done in it.
async fn run(db: impl AsyncFn() -> TestDb, forgets_promotional: bool) -> Result<(), String> {
    let mut chance = Chance::new();
    for _ in 0..sequences() {
        let mut history = History::begin(db().await, forgets_promotional).await;
        for _ in 0..OPERATIONS {
            let step = history.step(&mut chance).await;
            step.map_err(|why| format!("{:#?}\n{why}", history.done))?;
        }
        history.scene.audit().await;
    }
    Ok(())
}

fn sequences() -> u32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "`cargo xtask test --long` asks for more"
    )]
    let asked = std::env::var("BUSK_TEST_SEQUENCES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(SEQUENCES_DEFAULT)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_are_their_model_on_sqlite() {
    run(async || TestDb::sqlite(), false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_are_their_model_on_postgres() {
    run(async || TestDb::postgres().await, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seeded_bug_is_found() {
    let mut found = Ok(());
    // A history needs a large pack and a refund of it, which a few have.
    for _ in 0..20 {
        found = run(async || TestDb::sqlite(), true).await;
        if found.is_err() {
            break;
        }
    }
    let found = found.expect_err("a model that forgets promotional coins must differ");
    assert!(
        found.contains("the model says") || found.contains("another answer"),
        "{found}"
    );
}
