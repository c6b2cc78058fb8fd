use super::*;

/// An access unit of NAL units with these (header, length) pairs; bodies never hold a start code.
fn unit(nals: &[(u8, usize)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (header, len) in nals {
        bytes.extend_from_slice(&START_CODE);
        bytes.push(*header);
        bytes.extend((1..*len).map(|at| if at == 1 { 0x88 } else { (at % 250) as u8 + 1 }));
    }
    bytes
}

fn assemble(payloads: &[Payload]) -> Vec<AccessUnit> {
    let (mut assembler, mut out) = (Assembler::default(), Vec::new());
    for (sequence, payload) in payloads.iter().enumerate() {
        assembler.push(sequence as u64, 90, payload.marker, &payload.bytes, &mut out);
    }
    out
}

#[test]
fn payload_kinds_at_their_boundaries() {
    // (NAL units, limit) -> (RTP NAL type, length) of each payload
    type Row<'a> = (&'a [(u8, usize)], usize, &'a [(u8, usize)]);
    let rows: &[Row] = &[
        (&[(0x41, 100)], 100, &[(1, 100)]),
        (&[(0x41, 97)], 100, &[(1, 97)]),
        (&[(0x41, 101)], 100, &[(28, 52), (28, 52)]),
        (&[(0x41, 1 + 98 * 2)], 100, &[(28, 100), (28, 100)]),
        (&[(0x41, 2 + 98 * 2)], 100, &[(28, 68), (28, 68), (28, 67)]),
        (&[(0x67, 10), (0x68, 4)], 100, &[(24, 19)]),
        (&[(0x67, 10), (0x68, 4), (0x65, 79)], 100, &[(24, 100)]),
        (&[(0x67, 10), (0x68, 4), (0x65, 80)], 100, &[(24, 19), (5, 80)]),
        (
            &[(0x67, 10), (0x68, 4), (0x65, 150)],
            100,
            &[(24, 19), (28, 77), (28, 76)],
        ),
        (&[(0x09, 2), (0x41, 10)], 100, &[(1, 10)]),
        (&[(0x41, 6)], 3, &[(28, 3), (28, 3), (28, 3), (28, 3), (28, 3)]),
    ];
    for (nals, limit, expected) in rows {
        let payloads = packetise(&unit(nals), *limit);
        let shape: Vec<_> = payloads
            .iter()
            .map(|p| (nal_type(&p.bytes), p.bytes.len()))
            .collect();
        assert_eq!(shape, *expected, "{nals:?} in {limit}");
        let markers = payloads.iter().filter(|p| p.marker).count();
        assert!(
            markers == 1 && payloads.last().unwrap().marker,
            "{nals:?}: one marker, at the end"
        );
    }
}

#[test]
fn fragments_say_where_they_start_and_end() {
    let payloads = packetise(&unit(&[(0x65, 300)]), 100);
    let flags: Vec<_> = payloads.iter().map(|p| (p.bytes[0], p.bytes[1])).collect();
    assert_eq!(flags, [(0x7c, 0x85), (0x7c, 0x05), (0x7c, 0x05), (0x7c, 0x45)]);
}

#[test]
fn every_length_survives_the_way_there_and_back() {
    for len in 1..700 {
        let sent = unit(&[(0x67, 9), (0x68, 5), (0x65, len)]);
        let got = assemble(&packetise(&sent, 120));
        assert_eq!(got.len(), 1, "length {len}");
        assert!(got[0].keyframe);
        assert_eq!(got[0].annex_b, sent, "length {len}");
    }
}

#[test]
fn a_missing_packet_costs_its_picture_only() {
    let payloads = packetise(&unit(&[(0x41, 1000)]), 100);
    for missing in 0..payloads.len() {
        let (mut assembler, mut out) = (Assembler::default(), Vec::new());
        let mut sequence = 0;
        for time in 0..80 {
            for (index, payload) in payloads.iter().enumerate() {
                if (time, index) != (1, missing) {
                    assembler.push(sequence, time, payload.marker, &payload.bytes, &mut out);
                }
                sequence += 1;
            }
        }
        let times: Vec<_> = out.iter().map(|unit| unit.rtp_time).collect();
        let expected: Vec<_> = (0..80).filter(|time| *time != 1).collect();
        assert_eq!(times, expected, "packet {missing} missing");
    }
}

#[test]
fn reordered_and_doubled_packets_do_no_harm() {
    let sent = unit(&[(0x67, 9), (0x68, 5), (0x65, 900)]);
    let payloads = packetise(&sent, 100);
    let (mut assembler, mut out) = (Assembler::default(), Vec::new());
    let order: Vec<usize> = std::iter::once(0).chain((1..payloads.len()).rev()).collect();
    for index in order.iter().chain(&order) {
        let payload = &payloads[*index];
        assembler.push(*index as u64, 7, payload.marker, &payload.bytes, &mut out);
    }
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].annex_b, sent);
}

#[test]
fn nonsense_yields_nothing() {
    let rows: &[&[u8]] = &[
        &[],
        &[24, 0],
        &[24, 0, 9, 1],
        &[24, 0, 0],
        &[28],
        &[28, 0x05, 1],
        &[0],
        &[30, 1],
        &[29, 1],
    ];
    for row in rows {
        let (mut assembler, mut out) = (Assembler::default(), Vec::new());
        assembler.push(1, 1, true, row, &mut out);
        assert!(out.is_empty(), "{row:?}");
    }
}
