//! A conference to try by hand: one room, to which whoever opens the page comes.
//!
//! `cargo run -p sidetone-sfu --example conference [ADDRESS [PORT]]`, then open `http://localhost:8000` in some browsers.
//! ADDRESS is where they reach this machine for media (127.0.0.1), PORT is for the page (8000). Browsers give their
//! microphone to pages from `localhost` only, so others need a tunnel to it.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::io::{BufRead, BufReader, Error, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::channel;

use sidetone_sfu::{Config, Rights, RoomId, RoomSettings, Sfu};

/// Longest offer taken, in bytes.
const LONGEST: u64 = 1 << 19;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), |text| text.parse())?;
    let port = arguments.next().map_or(Ok(8000), |text| text.parse())?;
    let config = Config {
        bind: address,
        ..Config::default()
    };
    let sfu = Sfu::start(&config, |event| println!("{event:?}"))?;
    let room = sfu.open_room(RoomSettings::default())?;
    let page = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    println!("open http://localhost:{port}");
    for (number, stream) in (1..).zip(page.incoming()) {
        // One that says nothing must not keep the others out for ever.
        let stream = stream?;
        stream.set_read_timeout(Some(std::time::Duration::from_secs(2)))?;
        if let Err(error) = serve(&sfu, room, number, stream) {
            println!("{error}");
        }
    }
    Ok(())
}

/// Gives the page, or takes an offer and gives the answer.
fn serve(sfu: &Sfu, room: RoomId, number: u32, stream: TcpStream) -> Result<(), Error> {
    let mut reader = BufReader::new(&stream).take(LONGEST);
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some(_) => {}
            None => break,
        }
    }
    let body = if request.starts_with("POST") {
        let mut offer = String::new();
        reader.take(length).read_to_string(&mut offer)?;
        let (answer, answered) = channel();
        sfu.join(room, number, &offer, Rights::ALL, move |result| {
            _ = answer.send(result)
        });
        let answer = answered.recv().map_err(Error::other)?;
        answer.map_err(Error::other)?
    } else {
        include_str!("conference.html").to_owned()
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    (&stream).write_all((head + &body).as_bytes())
}
