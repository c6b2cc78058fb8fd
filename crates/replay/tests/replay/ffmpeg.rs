//! What ffprobe and ffmpeg say of a file. They must have nothing to complain about.

use std::path::{Path, PathBuf};
use std::process::Command;

use busk_hls::{Rendition, ResourceName};
use busk_replay::{Piece, Plan, Recording};

fn run(program: &str, args: &[&str], input: &Path) -> String {
    let mut command = Command::new(program);
    command.args(["-hide_banner", "-v", "warning"]);
    if program == "ffmpeg" {
        command.arg("-xerror");
    }
    match program {
        "ffmpeg" => command.arg("-i").arg(input).args(args),
        _ => command.args(args).arg(input),
    };
    let output = command.output().expect("ffmpeg is installed");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaints.is_empty(),
        "{}: {complaints}",
        input.display()
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Decodes all of it.
pub fn decode(input: &Path) {
    run("ffmpeg", &["-map", "0", "-f", "null", "-"], input);
}

fn values(text: &str) -> Vec<Vec<String>> {
    let line = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().filter(|line| !line.is_empty()).map(line).collect()
}

/// Of each packet: when it is shown, in seconds; its size; where it is in the file.
pub fn packets(input: &Path, stream: &str) -> Vec<(f64, usize, usize)> {
    let show = [
        "-select_streams",
        stream,
        "-show_entries",
        "packet=pts_time,size,pos",
        "-of",
        "csv=p=0",
    ];
    let packet = |values: &Vec<String>| {
        let number = |at: usize| values[at].parse::<f64>().unwrap_or(-1.0);
        (number(0), number(1) as usize, number(2) as usize)
    };
    values(&run("ffprobe", &show, input)).iter().map(packet).collect()
}

/// Of each picture: width, height and kind.
pub fn frames(input: &Path) -> Vec<(usize, usize, String)> {
    let show = [
        "-select_streams",
        "v:0",
        "-show_entries",
        "frame=width,height,pict_type",
        "-of",
        "csv=p=0",
    ];
    let frame = |v: &Vec<String>| (v[0].parse().unwrap(), v[1].parse().unwrap(), v[2].clone());
    values(&run("ffprobe", &show, input)).iter().map(frame).collect()
}

/// How long the file says it is, in seconds.
pub fn duration(input: &Path) -> f64 {
    let text = run(
        "ffprobe",
        &["-show_entries", "format=duration", "-of", "csv=p=0"],
        input,
    );
    text.trim().parse().unwrap()
}

/// Puts playlists and initialisations beside the segments, and gives a multivariant playlist for each stretch
/// between two discontinuities: ffmpeg passes over every EXT-X-MAP but the first ("duplicated MOOV").
pub fn lay_out(recording: &Recording, folder: &Path, out: &Path) -> Vec<PathBuf> {
    std::fs::create_dir_all(out).unwrap();
    let mut masters = Vec::new();
    for (name, which) in [("video", Rendition::Video), ("audio", Rendition::Audio)] {
        let text = recording.playlist(which);
        for line in text.lines() {
            let name = line
                .strip_prefix("#EXT-X-MAP:URI=")
                .map_or(line, |uri| uri.trim_matches('"'));
            if let Some(resource) = ResourceName::parse(name) {
                let (piece, _) = recording.resource(&resource).unwrap();
                std::fs::write(out.join(name), read(folder, &piece)).unwrap();
            }
        }
        masters.clear();
        let (mut head, mut map) = (None, "");
        for (n, stretch) in text.split("#EXT-X-DISCONTINUITY\n").enumerate() {
            let head = *head.get_or_insert_with(|| &stretch[..stretch.find("#EXT-X-MAP").unwrap()]);
            let own = stretch.lines().find(|line| line.starts_with("#EXT-X-MAP"));
            let before = if n == 0 { "" } else { head };
            let known = if own.is_some() || n == 0 {
                String::new()
            } else {
                format!("{map}\n")
            };
            std::fs::write(
                out.join(format!("{name}-{n}.m3u8")),
                format!("{before}{known}{stretch}\n#EXT-X-ENDLIST\n"),
            )
            .unwrap();
            map = own.unwrap_or(map);
            let master = recording.master().unwrap();
            let master = master.replace("video.m3u8", &format!("video-{n}.m3u8"));
            let path = out.join(format!("index-{n}.m3u8"));
            std::fs::write(&path, master.replace("audio.m3u8", &format!("audio-{n}.m3u8"))).unwrap();
            masters.push(path);
        }
    }
    masters
}

/// Decodes the playlists and counts pictures.
pub fn play(recording: &Recording, folder: &Path, out: &Path) -> usize {
    let masters = lay_out(recording, folder, out);
    masters.iter().for_each(|master| decode(master));
    masters.iter().map(|master| frames(master).len()).sum()
}

pub fn read(folder: &Path, piece: &Piece) -> Vec<u8> {
    match piece {
        Piece::Here(bytes) => bytes.to_vec(),
        Piece::Stored { name, start, length } => {
            let file = std::fs::read(folder.join(name.to_string())).unwrap();
            file[*start as usize..(start + length) as usize].to_vec()
        }
    }
}

/// The whole of a plan, as a file.
pub fn download(plan: &Plan, folder: &Path, out: &Path) -> Vec<u8> {
    let bytes: Vec<u8> = plan
        .pieces(0..u64::MAX)
        .flat_map(|piece| read(folder, &piece))
        .collect();
    assert_eq!(bytes.len() as u64, plan.length());
    std::fs::write(out, &bytes).unwrap();
    bytes
}

/// The first picture of a file that ends after it, though its header tells of more.
pub fn first_frame(input: &Path) -> Option<(usize, usize, String)> {
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "fatal",
        "-read_intervals",
        "%+#1",
        "-show_entries",
        "frame=width,height,pict_type",
    ]);
    let output = command.args(["-of", "csv=p=0"]).arg(input).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let first = values(&text).into_iter().next()?;
    Some((first[0].parse().ok()?, first[1].parse().ok()?, first[2].clone()))
}
