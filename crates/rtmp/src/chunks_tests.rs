use super::*;

/// A chunk with a header of its own.
fn chunk(format: u8, id: u8, field: u32, length: usize, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![format << 6 | id];
    if format < 3 {
        out.extend(&field.min(EXTENDED).to_be_bytes()[1..]);
    }
    if format < 2 {
        out.extend(&(length as u32).to_be_bytes()[1..]);
        out.push(VIDEO);
    }
    if format == 0 {
        out.extend(1u32.to_le_bytes());
    }
    if format < 3 && field >= EXTENDED {
        out.extend(field.to_be_bytes());
    }
    out.extend(payload);
    out
}

/// Reads the bytes as if they came `step` at a time.
fn read(bytes: &[u8], step: usize) -> Result<Vec<Message>, ChunkError> {
    let mut reader = ChunkReader::new(1_000);
    let (mut input, mut messages) = (BytesMut::new(), Vec::new());
    for bytes in bytes.chunks(step) {
        input.extend_from_slice(bytes);
        while let Some(message) = reader.next(&mut input)? {
            if message.kind == SET_CHUNK_SIZE {
                reader.set_chunk_size(&message.payload)?;
            }
            messages.push(message);
        }
    }
    Ok(messages)
}

fn times(bytes: &[u8]) -> Vec<u32> {
    let whole = read(bytes, bytes.len()).unwrap();
    assert_eq!(read(bytes, 1).unwrap(), whole, "it matters how the bytes are cut");
    whole.iter().map(|message| message.time).collect()
}

#[test]
fn messages_that_are_written_are_read() {
    let payload: Vec<u8> = (0..10_000).map(|n| n as u8).collect();
    let mut bytes = Vec::new();
    write(
        &mut bytes,
        SET_CHUNK_SIZE,
        0,
        &(CHUNK_BYTES_SENT as u32).to_be_bytes(),
    );
    write(&mut bytes, COMMAND_AMF0, 1, &payload[..900]);
    let read = read(&bytes, 7).unwrap();
    assert_eq!((read[1].kind, read[1].stream), (COMMAND_AMF0, 1));
    assert_eq!(read[1].payload, payload[..900]);
}

#[test]
fn times_are_added_up() {
    let first = chunk(0, 4, 1_000, 3, b"abc");
    let later = chunk(1, 4, 40, 3, b"abc");
    let same_length = chunk(2, 4, 33, 3, b"abc");
    // Section 5.3.1.2.4: it repeats the latest difference, or the time when there was none.
    let again = chunk(3, 4, 0, 3, b"abc");
    let bytes = [&first[..], &later, &same_length, &again, &again].concat();
    assert_eq!(times(&bytes), [1_000, 1_040, 1_073, 1_106, 1_139]);
    assert_eq!(times(&[&first[..], &again].concat()), [1_000, 2_000]);
}

#[test]
fn times_wrap() {
    let first = chunk(0, 4, u32::MAX - 9, 3, b"abc");
    let bytes = [
        &first[..],
        &chunk(2, 4, 20, 3, b"abc"),
        &chunk(1, 4, 5, 3, b"abc"),
    ]
    .concat();
    assert_eq!(times(&bytes), [u32::MAX - 9, 10, 15]);
}

#[test]
fn extended_times_are_repeated_or_not() {
    let payload = [7; 200];
    let first = chunk(0, 4, 0x0100_0000, 200, &payload[..128]);
    let repeated = chunk(
        3,
        4,
        0,
        0,
        &[&0x0100_0000u32.to_be_bytes()[..], &payload[128..]].concat(),
    );
    let left_out = chunk(3, 4, 0, 0, &payload[128..]);
    for second in [repeated, left_out] {
        let messages = read(&[&first[..], &second].concat(), 11).unwrap();
        assert_eq!(messages[0].time, 0x0100_0000);
        assert_eq!(messages[0].payload, payload[..]);
    }
}

#[test]
fn sound_comes_in_the_middle_of_a_picture() {
    let picture = chunk(0, 4, 0, 200, &[1; 128]);
    let sound = chunk(0, 5, 0, 2, &[2; 2]);
    let rest = chunk(3, 4, 0, 0, &[1; 72]);
    let messages = read(&[&picture[..], &sound, &rest].concat(), 64).unwrap();
    let lengths: Vec<_> = messages.iter().map(|message| message.payload.len()).collect();
    assert_eq!(lengths, [2, 200]);
}

#[test]
fn aborted_messages_are_forgotten() {
    let mut reader = ChunkReader::new(1_000);
    let mut input = BytesMut::from(&chunk(0, 4, 0, 200, &[1; 128])[..]);
    assert_eq!(reader.next(&mut input), Ok(None));
    reader.abort(&4u32.to_be_bytes());
    reader.abort(&9u32.to_be_bytes());
    input.extend_from_slice(&chunk(1, 4, 0, 1, &[9]));
    assert_eq!(reader.next(&mut input).unwrap().unwrap().payload, [9][..]);
    assert_eq!(reader.waiting, 0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let streams: Vec<u8> = (0..=STREAMS_MAX as u8)
        .flat_map(|n| [0, n, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0])
        .collect();
    let begun = |ids: std::ops::Range<u8>| -> Vec<u8> {
        let size = [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];
        let partial = ids.flat_map(|id| chunk(0, id, 0, 1_000, &[0; 128]));
        size[..12]
            .iter()
            .copied()
            .chain([0, 0, 0, 128])
            .chain(partial)
            .collect()
    };
    for (bytes, error) in [
        (chunk(3, 4, 0, 0, &[]), ChunkError::NoHeader),
        (chunk(1, 4, 0, 1, &[0]), ChunkError::NoHeader),
        (chunk(0, 4, 0, 1_001, &[]), ChunkError::TooLarge),
        (streams, ChunkError::TooManyStreams),
        (begun(3..40), ChunkError::TooLarge),
        (
            [chunk(0, 4, 0, 200, &[0; 128]), chunk(0, 4, 0, 1, &[0])].concat(),
            ChunkError::Interrupted,
        ),
        (
            vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            ChunkError::BadSize,
        ),
        (
            vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x80, 0, 0, 0],
            ChunkError::BadSize,
        ),
        (vec![2, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 9], ChunkError::BadSize),
    ] {
        assert_eq!(read(&bytes, 5), Err(error));
    }
}
