// Frames of tokio-util's LengthDelimitedCodec, on blocking sockets, so that only the codec is tokio's.
//
// echo PORT: each connection sends a line, is answered "ok", and gets back, reversed, what the codec hands out:
//   ORDER OFFSET LENGTH ADJUSTMENT SKIP      of the frames received; those sent have the same order and length

use bytes::{Bytes, BytesMut};
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use tokio_util::codec::length_delimited::Builder;
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

fn builder(words: &[&str]) -> Builder {
    let mut builder = LengthDelimitedCodec::builder();
    builder.length_field_length(words[2].parse().unwrap());
    if words[0] == "little" {
        builder.little_endian();
    }
    builder
}

fn serve(mut peer: TcpStream) -> Result<()> {
    peer.set_nodelay(true)?;
    let mut reader = BufReader::new(peer.try_clone()?);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(());
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut decoder = builder(&words)
        .length_field_offset(words[1].parse().unwrap())
        .length_adjustment(words[3].parse().unwrap())
        .num_skip(words[4].parse().unwrap())
        .new_codec();
    let mut encoder = builder(&words).new_codec();
    peer.write_all(b"ok\n")?;
    let mut received = BytesMut::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some(mut frame) = decoder.decode(&mut received)? {
            frame.reverse();
            let mut wire = BytesMut::new();
            encoder.encode(Bytes::from(frame), &mut wire)?;
            for piece in wire.chunks(wire.len() / 2 + 1) {
                peer.write_all(piece)?;
            }
        }
        let count = reader.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(&chunk[..count]);
    }
}

fn main() -> Result<()> {
    let port = std::env::args().nth(1).unwrap().parse().unwrap();
    for peer in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let peer = peer?;
        std::thread::spawn(move || serve(peer));
    }
    Ok(())
}
