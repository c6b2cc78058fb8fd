//! Events in the dialect of Twitch's chat (<https://dev.twitch.tv/docs/chat/irc/>). What it has no word for is not
//! said.

use std::collections::{HashMap, VecDeque};

use busk_base::{ChannelId, MessageId, Timestamp};
use busk_rooms::chat::ChatMode;
use busk_rooms::{RoomEvent, Speaker, SpeakerKind, SpeakerRole, What};
use uuid::Uuid;

use crate::line::Line;
use crate::protocol::SERVER;

/// Messages remembered of a channel, so that it can be said which one was taken away.
const REMEMBERED_MAX: usize = 500;

/// A channel that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) handle: String,
}

/// Who it is that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) id: Uuid,
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) operator: bool,
}

/// Names of those who speak, by their ids: handles, which events do not have.
pub(crate) type Handles = HashMap<Uuid, String>;

/// What guests are called, who have no handle.
pub(crate) fn guest_handle(id: Uuid) -> String {
    format!("guest_{}", &id.simple().to_string()[20..])
}

/// Who an event's line names by their handle.
pub(crate) fn named(event: &RoomEvent) -> Option<Uuid> {
    match &event.what {
        What::Said { from, .. }
        | What::Gift { from, .. }
        | What::Badge { from, .. }
        | What::Subscription { from, .. }
        | What::SubscriptionGift { from, .. } => Some(from.id),
        What::Cleared { person, .. } => Some(*person),
        _ => None,
    }
}

/// What is remembered while a channel is followed.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    /// Said by others: who said what.
    said: HashMap<MessageId, (String, String)>,
    order: VecDeque<MessageId>,
    /// Said by this connection, to which nobody says it again.
    own: VecDeque<MessageId>,
}

impl Teller {
    /// This connection is about to say it.
    pub(crate) fn says(&mut self, id: MessageId) {
        if self.own.len() == REMEMBERED_MAX {
            self.own.pop_front();
        }
        self.own.push_back(id);
    }

    fn remember(&mut self, id: MessageId, handle: &str, text: &str) {
        if self.order.len() == REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.said.remove(&oldest);
        }
        self.order.push_back(id);
        self.said.insert(id, (handle.to_owned(), text.to_owned()));
    }

    /// An event as a line, where there is one for it.
    pub(crate) fn tell(&mut self, event: &RoomEvent, channel: &Channel, handles: &Handles) -> Option<Line> {
        let of = Of {
            channel,
            at: event.at,
        };
        let handle = |from: &Speaker| {
            let known = handles.get(&from.id).cloned();
            known.unwrap_or_else(|| guest_handle(from.id))
        };
        match &event.what {
            What::Said { id, from, text, .. } => {
                let handle = handle(from);
                self.remember(*id, &handle, text);
                let own = self.own.contains(id);
                (!own).then(|| of.privmsg(&id.0, from, &handle, text, &[]))
            }
            What::Deleted { message, .. } => {
                let (handle, text) = self.said.remove(message).unwrap_or_default();
                Some(of.clearmsg(message, &handle, &text))
            }
            // As cheers are, which bots know what to do with.
            What::Gift {
                id,
                from,
                kind,
                count,
                total,
                ..
            } => {
                let (bits, number) = (total.to_string(), count.to_string());
                let more = [
                    ("bits", bits.as_str()),
                    ("busk-gift", kind),
                    ("busk-gift-count", &number),
                ];
                let text = format!("{kind} x{count}");
                Some(of.privmsg(&id.0, from, &handle(from), &text, &more))
            }
            What::Badge { .. } | What::Subscription { .. } | What::SubscriptionGift { .. } => {
                of.bought(event, handle)
            }
            What::Cleared { person, seconds, .. } => {
                let known = handles.get(person).cloned();
                let handle = known.unwrap_or_else(|| guest_handle(*person));
                Some(of.clearchat(*person, &handle, *seconds))
            }
            What::ChatMode { mode } => Some(of.room_state(&mode.at(event.at))),
            // The sub room is not told here, nor what waits for a moderator.
            What::SubRoomSaid { .. }
            | What::Shadowed { .. }
            | What::Held { .. }
            | What::HeldEnded { .. }
            | What::HeldMine { .. }
            | What::Raid { .. }
            | What::Ticket { .. }
            | What::Topic { .. }
            | What::Poll { .. }
            | What::Spotlight { .. }
            | What::SpotlightEnd { .. }
            | What::Pin { .. }
            | What::Unpin { .. }
            | What::Question { .. }
            | What::Removed {}
            | What::StreakEnd { .. }
            | What::Follow { .. }
            | What::Goal { .. }
            | What::RoomState { .. }
            | What::Title { .. }
            | What::Stage { .. }
            | What::StageWaiting { .. }
            | What::StageMine { .. }
            | What::Redirect { .. }
            | What::Arrivals { .. }
            | What::Announcement { .. }
            | What::Hangout { .. } => None,
        }
    }
}

/// In which channel, and when.
struct Of<'a> {
    channel: &'a Channel,
    at: Timestamp,
}

impl Of<'_> {
    fn line(&self, command: &str, more: Option<&str>) -> Line {
        let channel = format!("#{}", self.channel.handle);
        let params: Vec<&str> = std::iter::once(channel.as_str()).chain(more).collect();
        Line::new(command, &params)
    }

    /// What every line about somebody has.
    fn about(&self, line: Line, from: &Speaker) -> Line {
        let host = from.role == Some(SpeakerRole::Host);
        let user_type = match from.role {
            Some(SpeakerRole::Operator) => "staff",
            Some(SpeakerRole::Moderator) => "mod",
            Some(SpeakerRole::Host) | None => "",
        };
        line.tagged(&[
            (
                "badge-info",
                &from
                    .months
                    .map_or(String::new(), |months| format!("subscriber/{months}")),
            ),
            ("badges", &badges(from)),
            ("color", ""),
            ("display-name", &from.name),
            ("emotes", ""),
            ("flags", ""),
            ("mod", if from.role.is_some() && !host { "1" } else { "0" }),
            ("room-id", &self.channel.id.to_string()),
            ("subscriber", if from.months.is_some() { "1" } else { "0" }),
            ("tmi-sent-ts", &self.at.unix_ms().to_string()),
            ("turbo", "0"),
            ("user-id", &from.id.to_string()),
            ("user-type", user_type),
        ])
    }

    fn privmsg(&self, id: &Uuid, from: &Speaker, handle: &str, text: &str, more: &[(&str, &str)]) -> Line {
        let line = self.about(self.line("PRIVMSG", Some(text)), from);
        let line = line.tagged(&[("id", &id.to_string())]).tagged(more);
        line.from(&prefix(handle))
    }

    /// Hearts, a subscription or ones for others, as Twitch's notices of them.
    fn bought(&self, event: &RoomEvent, handle: impl Fn(&Speaker) -> String) -> Option<Line> {
        match &event.what {
            What::Badge { from, hearts } => {
                let hearts = hearts.to_string();
                let more = [("msg-param-threshold", hearts.as_str())];
                let said = format!("{} bought {hearts} of 3 hearts.", from.name);
                Some(self.usernotice("bitsbadgetier", event.n, from, &handle(from), &said, &more))
            }
            What::Subscription { from, tier, months } => {
                let id = if *months > 1 { "resub" } else { "sub" };
                let (months, plan) = (months.to_string(), format!("{tier}000"));
                let more = [
                    ("msg-param-cumulative-months", months.as_str()),
                    ("msg-param-months", "0"),
                    ("msg-param-should-share-streak", "0"),
                    ("msg-param-sub-plan", &plan),
                    ("msg-param-sub-plan-name", ""),
                ];
                let said = format!(
                    "{} subscribed at Tier {tier}, for {months} months so far.",
                    from.name
                );
                Some(self.usernotice(id, event.n, from, &handle(from), &said, &more))
            }
            What::SubscriptionGift { from, tier, to } => {
                let (count, plan) = (to.len().to_string(), format!("{tier}000"));
                let more = [
                    ("msg-param-mass-gift-count", count.as_str()),
                    ("msg-param-sub-plan", &plan),
                    ("msg-param-sub-plan-name", ""),
                ];
                let said = format!("{} is gifting {count} Tier {tier} Subs.", from.name);
                Some(self.usernotice("submysterygift", event.n, from, &handle(from), &said, &more))
            }
            _ => None,
        }
    }

    fn usernotice(
        &self,
        id: &str,
        n: i64,
        from: &Speaker,
        handle: &str,
        said: &str,
        more: &[(&str, &str)],
    ) -> Line {
        let line = self.about(self.line("USERNOTICE", None), from);
        let number = format!("{}-{n}", self.channel.id);
        let own = [
            ("id", number.as_str()),
            ("login", handle),
            ("msg-id", id),
            ("system-msg", said),
        ];
        line.tagged(&own).tagged(more).from(SERVER)
    }

    /// Somebody is silent for a time, or for good.
    fn clearchat(&self, person: Uuid, handle: &str, seconds: Option<u32>) -> Line {
        let line = self.line("CLEARCHAT", Some(handle)).tagged(&[
            ("room-id", &self.channel.id.to_string()),
            ("target-user-id", &person.to_string()),
            ("tmi-sent-ts", &self.at.unix_ms().to_string()),
        ]);
        let line = match seconds {
            Some(seconds) => line.tagged(&[("ban-duration", &seconds.to_string())]),
            None => line,
        };
        line.from(SERVER)
    }

    /// How the chat is run.
    fn room_state(&self, mode: &ChatMode) -> Line {
        let followers = mode.followers_min.map_or(-1, i64::from).to_string();
        let tags = [
            ("emote-only", "0"),
            ("followers-only", followers.as_str()),
            ("r9k", "0"),
            ("room-id", &self.channel.id.to_string()),
            ("slow", &mode.slow_s.to_string()),
            ("subs-only", if mode.subscribers { "1" } else { "0" }),
        ];
        self.line("ROOMSTATE", None).from(SERVER).tagged(&tags)
    }

    fn clearmsg(&self, message: &MessageId, handle: &str, text: &str) -> Line {
        let line = self.line("CLEARMSG", Some(text)).tagged(&[
            ("login", handle),
            ("room-id", &self.channel.id.to_string()),
            ("target-msg-id", &message.to_string()),
            ("tmi-sent-ts", &self.at.unix_ms().to_string()),
        ]);
        line.from(SERVER)
    }
}

/// Somebody as Twitch writes them.
pub(crate) fn prefix(handle: &str) -> String {
    format!("{handle}!{handle}@{handle}.{SERVER}")
}

fn badges(from: &Speaker) -> String {
    let role = match from.role {
        Some(SpeakerRole::Host) => Some("broadcaster/1".to_owned()),
        Some(SpeakerRole::Moderator) => Some("moderator/1".to_owned()),
        Some(SpeakerRole::Operator) => Some("staff/1".to_owned()),
        None => None,
    };
    let guest = (from.kind == SpeakerKind::Guest).then(|| "guest/1".to_owned());
    let months = from.months.map(|months| format!("subscriber/{months}"));
    let hearts = from.badge.map(|hearts| format!("bits/{hearts}"));
    let rank = from.rank.map(|rank| format!("bits-leader/{rank}"));
    let all = [role, guest, months, hearts, rank];
    all.into_iter().flatten().collect::<Vec<_>>().join(",")
}

/// What a client is told when it has joined.
pub(crate) fn joined(own: &Own, channel: &Channel) -> Vec<Line> {
    let room = format!("#{}", channel.handle);
    let host = format!("{}.{SERVER}", own.handle);
    let id = channel.id.to_string();
    let state = [
        ("emote-only", "0"),
        ("followers-only", "-1"),
        ("r9k", "0"),
        ("room-id", &id),
        ("slow", "0"),
        ("subs-only", "0"),
    ];
    vec![
        Line::new("JOIN", &[&room]).from(&prefix(&own.handle)),
        Line::new("353", &[&own.handle, "=", &room, &own.handle]).from(&host),
        Line::new("366", &[&own.handle, &room, "End of /NAMES list"]).from(&host),
        user_state(own, channel),
        Line::new("ROOMSTATE", &[&room]).from(SERVER).tagged(&state),
    ]
}

pub(crate) fn parted(own: &Own, channel: &Channel) -> Line {
    Line::new("PART", &[&format!("#{}", channel.handle)]).from(&prefix(&own.handle))
}

/// How one stands in a channel: told on joining, and after each thing said.
pub(crate) fn user_state(own: &Own, channel: &Channel) -> Line {
    let host = own.handle == channel.handle;
    let badges = match (host, own.operator) {
        (true, _) => "broadcaster/1",
        (false, true) => "staff/1",
        (false, false) => "",
    };
    Line::new("USERSTATE", &[&format!("#{}", channel.handle)])
        .from(SERVER)
        .tagged(&[
            ("badge-info", ""),
            ("badges", badges),
            ("color", ""),
            ("display-name", &own.name),
            ("emote-sets", "0"),
            ("mod", if own.operator && !host { "1" } else { "0" }),
            ("subscriber", "0"),
            ("user-type", if own.operator { "staff" } else { "" }),
        ])
}

/// Who one is: told on signing in.
pub(crate) fn global_user_state(own: &Own) -> Line {
    Line::new("GLOBALUSERSTATE", &[]).from(SERVER).tagged(&[
        ("badge-info", ""),
        ("badges", ""),
        ("color", ""),
        ("display-name", &own.name),
        ("emote-sets", "0"),
        ("user-id", &own.id.to_string()),
        ("user-type", if own.operator { "staff" } else { "" }),
    ])
}

#[cfg(test)]
mod tests {
    use busk_base::GiftId;

    use super::*;

    const HERE: Uuid = Uuid::from_u128(2);

    fn channel() -> Channel {
        Channel {
            id: ChannelId(Uuid::from_u128(1)),
            handle: "host".into(),
        }
    }

    fn ana() -> Speaker {
        Speaker {
            id: HERE,
            name: "Ana; of Rio".into(),
            kind: SpeakerKind::Person,
            role: None,
            badge: Some(2),
            months: None,
            rank: Some(1),
        }
    }

    fn event(what: What) -> RoomEvent {
        RoomEvent {
            n: 7,
            at: Timestamp::from_unix_us(1_795_252_800_123_456),
            what,
        }
    }

    fn tag<'a>(line: &'a Line, key: &str) -> &'a str {
        let found = line.tags.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str()).unwrap()
    }

    #[test]
    fn messages_gifts_and_deletions_are_told() {
        let (mut teller, handles) = (Teller::default(), Handles::from([(HERE, "ana".to_owned())]));
        let id = MessageId(Uuid::from_u128(5));
        let said = event(What::Said {
            id,
            from: ana(),
            emotes: Vec::new(),
            text: "hello there".into(),
            reply: None,
        });
        let line = teller.tell(&said, &channel(), &handles).unwrap();
        assert!(
            line.text()
                .ends_with(" :ana!ana@ana.tmi.twitch.tv PRIVMSG #host :hello there\r\n")
        );
        assert_eq!(
            (tag(&line, "badges"), tag(&line, "tmi-sent-ts")),
            ("bits/2,bits-leader/1", "1795252800123")
        );
        assert!(line.text().contains("display-name=Ana\\:\\sof\\sRio;"));

        let deleted = event(What::Deleted {
            message: id,
            by: HERE,
        });
        let line = teller.tell(&deleted, &channel(), &handles).unwrap();
        assert_eq!(
            (tag(&line, "login"), tag(&line, "target-msg-id")),
            ("ana", id.to_string().as_str())
        );
        assert_eq!(line.param(1), "hello there");

        let gift = event(What::Gift {
            id: GiftId(Uuid::from_u128(6)),
            from: ana(),
            kind: "rose".into(),
            count: 3,
            price: 10,
            total: 30,
            streak: None,
        });
        let line = teller.tell(&gift, &channel(), &handles).unwrap();
        assert_eq!((tag(&line, "bits"), line.param(1)), ("30", "rose x3"));

        let again = event(What::Subscription {
            from: ana(),
            tier: 2,
            months: 5,
        });
        let line = teller.tell(&again, &channel(), &handles).unwrap();
        assert_eq!(
            (tag(&line, "msg-id"), tag(&line, "msg-param-sub-plan")),
            ("resub", "2000")
        );
        let hearts = event(What::Badge {
            from: ana(),
            hearts: 3,
        });
        let line = teller.tell(&hearts, &channel(), &handles).unwrap();
        assert_eq!(
            (line.command.as_str(), tag(&line, "msg-param-threshold")),
            ("USERNOTICE", "3")
        );
        assert_eq!(
            teller.tell(&event(What::Title { title: "x".into() }), &channel(), &handles),
            None
        );
    }

    #[test]
    fn silence_and_modes_are_told() {
        let (mut teller, handles) = (Teller::default(), Handles::from([(HERE, "ana".to_owned())]));
        for (seconds, expected) in [(Some(60), Some("60")), (None, None)] {
            let silent = event(What::Cleared {
                person: HERE,
                by: HERE,
                seconds,
            });
            let line = teller.tell(&silent, &channel(), &handles).unwrap();
            let duration = line.tags.iter().find(|(known, _)| known == "ban-duration");
            assert_eq!((line.command.as_str(), line.param(1)), ("CLEARCHAT", "ana"));
            assert_eq!(duration.map(|(_, value)| value.as_str()), expected);
        }
        let mode = ChatMode {
            slow_s: 30,
            followers_min: Some(10),
            ..ChatMode::default()
        };
        let line = teller
            .tell(&event(What::ChatMode { mode }), &channel(), &handles)
            .unwrap();
        assert_eq!(
            (
                tag(&line, "slow"),
                tag(&line, "followers-only"),
                tag(&line, "subs-only")
            ),
            ("30", "10", "0")
        );
    }

    #[test]
    fn nobody_is_told_what_they_said_themselves() {
        let (mut teller, handles) = (Teller::default(), Handles::new());
        let id = MessageId(Uuid::from_u128(5));
        teller.says(id);
        let from = Speaker {
            kind: SpeakerKind::Guest,
            ..ana()
        };
        let said = event(What::Said {
            id,
            from,
            emotes: Vec::new(),
            text: "x".into(),
            reply: None,
        });
        assert_eq!(teller.tell(&said, &channel(), &handles), None);
        // But that it was taken away.
        let line = teller.tell(
            &event(What::Deleted {
                message: id,
                by: HERE,
            }),
            &channel(),
            &handles,
        );
        assert_eq!(tag(&line.unwrap(), "login"), "guest_000000000002");
        for number in 0..2 * REMEMBERED_MAX as u128 {
            teller.remember(MessageId(Uuid::from_u128(number + 10)), "x", "y");
            teller.says(MessageId(Uuid::from_u128(number + 10)));
        }
        assert_eq!(
            (teller.said.len(), teller.own.len()),
            (REMEMBERED_MAX, REMEMBERED_MAX)
        );
    }
}
