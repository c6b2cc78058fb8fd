//! The yardstick: the least a server can do for the same clients. One thread, one epoll; each message is
//! one `write` to each socket, at once. No rings, no audiences, no bounds, no answers to pings.

use std::io::{ErrorKind, Read, Write};

use busk_fanout::protocol;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::Fallible;

const LISTENER: Token = Token(usize::MAX);

struct Socket {
    stream: TcpStream,
    /// What has come of a request so far; nothing more is expected of a member.
    request: Vec<u8>,
    member: bool,
}

pub fn serve() -> Fallible<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    println!("{}", listener.local_addr()?);
    crate::end_with_input();
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut sockets: Vec<Option<Socket>> = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut sockets)?;
                continue;
            }
            let slot = event.token().0;
            let Some(socket) = sockets[slot].as_mut() else {
                continue;
            };
            match read(socket) {
                None => sockets[slot] = None,
                Some(messages) => {
                    for message in messages {
                        broadcast(&mut sockets, &message);
                    }
                }
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, sockets: &mut Vec<Option<Socket>>) -> Fallible<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                poll.registry()
                    .register(&mut stream, Token(sockets.len()), Interest::READABLE)?;
                sockets.push(Some(Socket {
                    stream,
                    request: Vec::new(),
                    member: false,
                }));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Answers handshakes; the messages of finished posts. `None` when the socket is gone.
fn read(socket: &mut Socket) -> Option<Vec<Vec<u8>>> {
    let mut buffer = [0; 4096];
    let mut messages = Vec::new();
    loop {
        match socket.stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(_) if socket.member => {}
            Ok(count) => socket.request.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(messages),
            Err(_) => return None,
        }
        while let Some((head, body)) = split(&socket.request) {
            if head.starts_with("POST") {
                messages.push(body.to_vec());
                let used = head.len() + body.len();
                socket.request.drain(..used);
                socket
                    .stream
                    .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                    .ok()?;
            } else {
                let accept = protocol::accept_key(header(head, "sec-websocket-key")?.as_bytes());
                let answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-accept: {accept}\r\n\r\n"
                );
                socket.stream.write_all(answer.as_bytes()).ok()?;
                socket.request = Vec::new();
                socket.member = true;
            }
        }
    }
}

/// A request that has arrived whole.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let length = header(head, "content-length").map_or(Some(0), |length| length.parse().ok())?;
    Some((head, bytes.get(end..end + length)?))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn broadcast(sockets: &mut [Option<Socket>], message: &[u8]) {
    let frame = protocol::text_frame(message);
    for socket in sockets.iter_mut().flatten().filter(|socket| socket.member) {
        // A socket that does not take a frame whole loses its framing: the load counts that as loss.
        let _ = socket.stream.write(&frame);
    }
}
