//! A connection, without I/O: bytes and the time go in; what is asked, and lines to send, come out.
//!
//! Invariant: a stranger has few bytes and little time; nobody has a line longer than it may be, nor says more than
//! twenty things in half a minute.

use std::collections::VecDeque;
use std::time::Duration;

use crate::line::{LINE_BYTES_MAX, Line, TAGS_BYTES_MAX};

/// What bots look for: tmi.js takes nothing from a server of another name.
pub(crate) const SERVER: &str = "tmi.twitch.tv";
/// Bytes of a stranger.
const STRANGER_BYTES_MAX: usize = 4_096;
/// How long someone may be a stranger.
pub(crate) const STRANGER_MAX: Duration = Duration::from_secs(10);
/// Things said in a window, as on Twitch.
const SAID_MAX: usize = 20;
const SAID_WINDOW: Duration = Duration::from_secs(30);
/// Lines of any kind in a window; who sends more is hung up on.
const LINES_MAX: usize = 300;
/// Channels joined at once.
pub(crate) const CHANNELS_MAX: usize = 20;
/// Who is silent for so long is asked whether they are there, and hung up on after as long again.
const SILENT_MAX: Duration = Duration::from_secs(240);

/// What a client has asked for beyond IRC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caps {
    pub(crate) tags: bool,
    pub(crate) commands: bool,
    pub(crate) membership: bool,
}

/// What is asked of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Once; nothing else is asked before [`Session::welcome`].
    SignIn {
        token: String,
    },
    Join {
        channel: String,
    },
    Part {
        channel: String,
    },
    Say {
        channel: String,
        text: String,
    },
    Quit,
}

/// Why we hang up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// Too much or too long, before it is known who it is.
    Stranger,
    TooLong,
    TooFast,
    Silent,
}

#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Stranger,
    /// It is being looked who has the token.
    Asking,
    In,
}

#[derive(Debug)]
pub(crate) struct Session {
    standing: Standing,
    input: Vec<u8>,
    /// Of a stranger, so far.
    received: usize,
    caps: Caps,
    pass: Option<String>,
    nick: Option<String>,
    /// Lines that came while it was looked who they are from.
    asked: VecDeque<Asked>,
    output: String,
    lines: VecDeque<Duration>,
    said: VecDeque<Duration>,
    heard_at: Duration,
    pinged: bool,
}

impl Session {
    /// Times are since any one moment.
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            standing: Standing::Stranger,
            input: Vec::new(),
            received: 0,
            caps: Caps::default(),
            pass: None,
            nick: None,
            asked: VecDeque::new(),
            output: String::new(),
            lines: VecDeque::new(),
            said: VecDeque::new(),
            heard_at: now,
            pinged: false,
        }
    }

    /// Takes what has come.
    pub(crate) fn receive(&mut self, bytes: &[u8], now: Duration) -> Result<(), HangUp> {
        (self.heard_at, self.pinged) = (now, false);
        if self.standing != Standing::In {
            self.received += bytes.len();
            if self.received > STRANGER_BYTES_MAX {
                return Err(HangUp::Stranger);
            }
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.input.extend_from_slice(piece);
            if self.is_too_long() {
                return Err(HangUp::TooLong);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.input);
                self.take_line(&line, now)?;
            }
        }
        Ok(())
    }

    /// Whether a line has more than it may, its end not counted.
    fn is_too_long(&self) -> bool {
        let line = self.input.strip_suffix(b"\n").unwrap_or(&self.input);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.starts_with(b"@") {
            return line.len() > LINE_BYTES_MAX;
        }
        let tags = line
            .iter()
            .position(|byte| *byte == b' ')
            .map_or(line.len(), |at| at + 1);
        tags > TAGS_BYTES_MAX || line.len() - tags > LINE_BYTES_MAX
    }

    fn take_line(&mut self, line: &[u8], now: Duration) -> Result<(), HangUp> {
        if counts(&mut self.lines, LINES_MAX, now).is_err() {
            return Err(HangUp::TooFast);
        }
        let text = std::str::from_utf8(line.trim_ascii_end()).ok();
        // What is no line is nothing, as elsewhere on IRC.
        let Some(line) = text.and_then(Line::parse) else {
            return Ok(());
        };
        match line.command.as_str() {
            "CAP" => self.negotiate(&line),
            "PING" => self.pong(&line),
            "PASS" if self.standing == Standing::Stranger => {
                self.pass = Some(line.param(0).trim_start_matches("oauth:").to_owned());
            }
            "NICK" if self.standing == Standing::Stranger => {
                self.nick = Some(line.param(0).to_owned());
                self.ask_who();
            }
            "QUIT" => self.asked.push_back(Asked::Quit),
            "JOIN" => self.for_channels(&line, |channel| Asked::Join { channel }),
            "PART" => self.for_channels(&line, |channel| Asked::Part { channel }),
            "PRIVMSG" => self.say(&line, now),
            "PONG" | "USER" | "NICK" | "PASS" => {}
            other => {
                let line = Line::new("421", &[self.name(), other, "Unknown command"]).from(SERVER);
                self.send(&line);
            }
        }
        Ok(())
    }

    fn name(&self) -> &str {
        self.nick
            .as_deref()
            .filter(|nick| !nick.is_empty())
            .unwrap_or("*")
    }

    /// A token and then a name make a request to be let in; without one nobody is.
    fn ask_who(&mut self) {
        self.standing = Standing::Asking;
        let token = self.pass.take().unwrap_or_default();
        self.asked.push_front(Asked::SignIn { token });
    }

    /// Capabilities by version 3.1 of IRCv3: whatever order clients ask in, they are granted at once.
    fn negotiate(&mut self, line: &Line) {
        const ALL: &str = "twitch.tv/commands twitch.tv/membership twitch.tv/tags";
        let answer = match line.param(0).to_ascii_uppercase().as_str() {
            "LS" => ["LS", ALL],
            "LIST" => ["LIST", ""],
            "REQ" => {
                let mut caps = self.caps;
                let mut known = true;
                for name in line.param(1).split_whitespace() {
                    match name {
                        "twitch.tv/tags" => caps.tags = true,
                        "twitch.tv/commands" => caps.commands = true,
                        "twitch.tv/membership" => caps.membership = true,
                        _ => known = false,
                    }
                }
                if known {
                    self.caps = caps;
                }
                [if known { "ACK" } else { "NAK" }, line.param(1)]
            }
            _ => return,
        };
        self.send(&Line::new("CAP", &["*", answer[0], answer[1]]).from(SERVER));
    }

    fn pong(&mut self, line: &Line) {
        let pong = Line::new("PONG", &[SERVER, line.param(0)]).from(SERVER);
        self.send(&pong);
    }

    fn for_channels(&mut self, line: &Line, asked: impl Fn(String) -> Asked) {
        let names = line.param(0).split(',').take(CHANNELS_MAX);
        for channel in names.filter_map(channel_name) {
            self.asked.push_back(asked(channel));
        }
    }

    fn say(&mut self, line: &Line, now: Duration) {
        let Some(channel) = channel_name(line.param(0)) else {
            return;
        };
        if counts_in(&mut self.said, SAID_MAX, SAID_WINDOW, now).is_err() {
            let text = "Your message was not sent because you are sending messages too quickly.";
            return self.notice(&channel, "msg_ratelimit", text);
        }
        let text = line.param(1).to_owned();
        self.asked.push_back(Asked::Say { channel, text });
    }

    /// What is asked next; nothing while it is looked who asks.
    pub(crate) fn next(&mut self) -> Option<Asked> {
        match (&self.standing, self.asked.front()) {
            (_, Some(Asked::SignIn { .. } | Asked::Quit)) | (Standing::In, _) => self.asked.pop_front(),
            _ => None,
        }
    }

    /// It is known who has the token.
    pub(crate) fn welcome(&mut self, handle: &str) {
        (self.standing, self.nick) = (Standing::In, Some(handle.to_owned()));
        for (number, text) in [
            ("001", "Welcome, GLHF!"),
            ("002", "Your host is tmi.twitch.tv"),
            ("003", "This server is rather new"),
            ("004", "-"),
            ("375", "-"),
            ("372", "You are at a street corner where somebody plays."),
            ("376", ">"),
        ] {
            self.send(&Line::new(number, &[handle, text]).from(SERVER));
        }
    }

    /// Nobody has the token, or nobody has it any more.
    pub(crate) fn turn_away(&mut self) {
        self.send(&Line::new("NOTICE", &["*", "Login authentication failed"]).from(SERVER));
    }

    /// Sends a line, without what the client did not ask for.
    pub(crate) fn send(&mut self, line: &Line) {
        let wanted = match line.command.as_str() {
            "CLEARCHAT" | "CLEARMSG" | "GLOBALUSERSTATE" | "ROOMSTATE" | "USERNOTICE" | "USERSTATE" => {
                self.caps.commands
            }
            _ => true,
        };
        if !wanted {
            return;
        }
        if self.caps.tags || line.tags.is_empty() {
            self.output.push_str(&line.text());
        } else {
            let bare = Line {
                tags: Vec::new(),
                ..line.clone()
            };
            self.output.push_str(&bare.text());
        }
    }

    /// Says in a channel why something was not done, in words and by one of Twitch's names for it.
    pub(crate) fn notice(&mut self, channel: &str, id: &str, text: &str) {
        let line = Line::new("NOTICE", &[&format!("#{channel}"), text]).from(SERVER);
        self.send(&line.tagged(&[("msg-id", id)]));
    }

    /// What is to be sent, once.
    pub(crate) fn output(&mut self) -> Option<String> {
        let output = std::mem::take(&mut self.output);
        (!output.is_empty()).then_some(output)
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Duration) -> Result<(), HangUp> {
        let silent = now.saturating_sub(self.heard_at);
        if self.standing != Standing::In {
            return if silent > STRANGER_MAX {
                Err(HangUp::Stranger)
            } else {
                Ok(())
            };
        }
        if silent > 2 * SILENT_MAX {
            return Err(HangUp::Silent);
        }
        if silent > SILENT_MAX && !self.pinged {
            self.pinged = true;
            self.send(&Line::new("PING", &[SERVER]));
        }
        Ok(())
    }

    /// Bytes that are held of a line that has not ended.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn waiting(&self) -> usize {
        self.input.len()
    }
}

/// A channel's handle, of `#handle`.
fn channel_name(text: &str) -> Option<String> {
    let name = text.trim().strip_prefix('#')?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bounded = (1..=24).contains(&name.len()) && name.bytes().all(fits);
    bounded.then(|| name.to_ascii_lowercase())
}

fn counts(times: &mut VecDeque<Duration>, max: usize, now: Duration) -> Result<(), ()> {
    counts_in(times, max, SAID_WINDOW, now)
}

/// Counts one more, unless there were as many as may be in the window.
fn counts_in(times: &mut VecDeque<Duration>, max: usize, window: Duration, now: Duration) -> Result<(), ()> {
    while times
        .front()
        .is_some_and(|first| now.saturating_sub(*first) >= window)
    {
        times.pop_front();
    }
    if times.len() >= max {
        return Err(());
    }
    times.push_back(now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn seconds(seconds: u64) -> Duration {
        START + Duration::from_secs(seconds)
    }

    fn signed_in() -> Session {
        let mut session = Session::new(START);
        let hello = b"CAP REQ :twitch.tv/tags twitch.tv/commands\r\nPASS oauth:secret\r\nNICK Bot\r\nJOIN #a,#B,nonsense\r\n";
        session.receive(hello, START).unwrap();
        assert_eq!(
            session.next(),
            Some(Asked::SignIn {
                token: "secret".into()
            })
        );
        assert_eq!(session.next(), None, "nothing more before it is known who it is");
        session.welcome("bot");
        session
    }

    #[test]
    fn a_bot_signs_in_and_joins() {
        let mut session = signed_in();
        assert_eq!(session.next(), Some(Asked::Join { channel: "a".into() }));
        assert_eq!(session.next(), Some(Asked::Join { channel: "b".into() }));
        assert_eq!(session.next(), None);
        let said = session.output().unwrap();
        assert!(
            said.starts_with(
                ":tmi.twitch.tv CAP * ACK :twitch.tv/tags twitch.tv/commands\r\n:tmi.twitch.tv 001 bot"
            ),
            "{said}"
        );
        assert_eq!(session.output(), None);
        session
            .receive(b"PING :x\r\nPRIVMSG #a :hi there\r\n", seconds(1))
            .unwrap();
        assert_eq!(
            session.output().as_deref(),
            Some(":tmi.twitch.tv PONG tmi.twitch.tv :x\r\n")
        );
        assert_eq!(
            session.next(),
            Some(Asked::Say {
                channel: "a".into(),
                text: "hi there".into()
            })
        );
        session
            .receive(b"CAP REQ :twitch.tv/tags sasl\r\nWHO x\r\nQUIT\r\n", seconds(2))
            .unwrap();
        let said = session.output().unwrap();
        assert!(
            said.contains("CAP * NAK :twitch.tv/tags sasl") && said.contains("421 bot WHO :Unknown"),
            "{said}"
        );
        assert_eq!(session.next(), Some(Asked::Quit));
    }

    #[test]
    fn strangers_have_little_time_and_few_bytes() {
        let mut session = Session::new(START);
        assert_eq!(session.tick(seconds(10)), Ok(()));
        assert_eq!(session.tick(seconds(11)), Err(HangUp::Stranger));
        let mut session = Session::new(START);
        let line = [b"PASS ".as_slice(), &[b'x'; 1_000], b"\r\n"].concat();
        for _ in 0..4 {
            session.receive(&line, START).unwrap();
        }
        assert_eq!(session.receive(&line, START), Err(HangUp::Stranger));
    }

    #[test]
    fn lines_are_bounded_and_tags_apart_from_them() {
        let mut session = signed_in();
        let tagged = [
            b"@k=".as_slice(),
            &[b'x'; 8_187],
            b" PRIVMSG #a :",
            &[b'y'; 2_035],
            b"\r\n",
        ]
        .concat();
        session.receive(&tagged, START).unwrap();
        let over = [b"@k=".as_slice(), &[b'x'; 8_188], b" P\n"].concat();
        assert_eq!(session.receive(&over, START), Err(HangUp::TooLong));
        let mut session = signed_in();
        assert_eq!(session.receive(&[b'y'; 2_049], START), Err(HangUp::TooLong));
    }

    #[test]
    fn twenty_things_are_said_in_half_a_minute() {
        let mut session = signed_in();
        session.output();
        while session.next().is_some() {}
        for _ in 0..25 {
            session.receive(b"PRIVMSG #a :x\r\n", START).unwrap();
        }
        assert_eq!(std::iter::from_fn(|| session.next()).count(), 20);
        let said = session.output().unwrap();
        assert_eq!(
            said.matches("@msg-id=msg_ratelimit :tmi.twitch.tv NOTICE #a :")
                .count(),
            5
        );
        session.receive(b"PRIVMSG #a :x\r\n", seconds(30)).unwrap();
        assert!(session.next().is_some());
        let all = b"PING\r\n".repeat(LINES_MAX);
        assert_eq!(session.receive(&all, seconds(30)), Err(HangUp::TooFast));
    }

    #[test]
    fn the_silent_are_asked_and_then_hung_up_on() {
        let mut session = signed_in();
        session.output();
        assert_eq!(session.tick(seconds(241)), Ok(()));
        assert_eq!(session.output().as_deref(), Some("PING tmi.twitch.tv\r\n"));
        assert_eq!(session.tick(seconds(300)), Ok(()));
        assert_eq!(session.output(), None, "once");
        assert_eq!(session.tick(seconds(481)), Err(HangUp::Silent));
        session.receive(b"PONG\r\n", seconds(482)).unwrap();
        assert_eq!(session.tick(seconds(483)), Ok(()));
    }

    #[test]
    fn what_was_not_asked_for_is_not_sent() {
        let mut session = Session::new(START);
        session.welcome("bot");
        session.output();
        session.send(&Line::new("ROOMSTATE", &["#a"]));
        session.notice("a", "no_permission", "No.");
        assert_eq!(
            session.output().as_deref(),
            Some(":tmi.twitch.tv NOTICE #a :No.\r\n")
        );
    }
}
