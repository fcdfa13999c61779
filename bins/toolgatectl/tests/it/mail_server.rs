//! A mail server over a real socket: what was said before and after TLS, and the mails it took.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How a server offers TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Not at all, as a server without it does, or somebody between who takes the offer away.
    Nothing,
    /// `STARTTLS`.
    StartTls,
    /// From the first byte.
    Wrapped,
}

/// What one client said.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Lines before TLS.
    pub(crate) clear: Vec<String>,
    /// Lines under TLS.
    pub(crate) covered: Vec<String>,
    /// The mail, if one was handed over.
    pub(crate) mail: Option<String>,
}

/// A mail server for one client.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    /// The certificate, for whoever is to trust it.
    pub(crate) certificate: PathBuf,
    refusal: Arc<Mutex<Option<Refusal>>>,
    thread: JoinHandle<Heard>,
}

/// What is answered to a verb instead of the usual.
type Refusal = (&'static str, &'static str);

/// Enough for a client on a busy machine; a client that went away is noticed at once.
const PATIENCE: Duration = Duration::from_mins(1);

impl MailServer {
    /// Listens on `ip`, with a certificate for it, written into `folder`.
    pub(crate) fn start(ip: &str, offer: Offer, folder: &Path) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([ip.to_string()]).unwrap();
        let certificate = folder.join("mail-server.pem");
        std::fs::write(&certificate, cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let refusal: Arc<Mutex<Option<Refusal>>> = Arc::default();
        let refuses = refusal.clone();
        let thread = thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let refusal = *refuses.lock().unwrap();
            serve(socket, offer, Arc::new(tls), refusal)
        });
        Self {
            address,
            certificate,
            refusal,
            thread,
        }
    }

    /// Answers this to a verb of the client's.
    pub(crate) fn refusing(self, verb: &'static str, answer: &'static str) -> Self {
        *self.refusal.lock().unwrap() = Some((verb, answer));
        self
    }

    /// What the client said; waits for it to be gone.
    pub(crate) fn heard(self) -> Heard {
        self.thread.join().unwrap()
    }
}

fn serve(
    socket: TcpStream,
    offer: Offer,
    tls: Arc<ServerConfig>,
    refusal: Option<Refusal>,
) -> Heard {
    let mut heard = Heard::default();
    let mut socket = socket;
    if offer != Offer::Wrapped {
        let clear = Conversation::new(&mut socket, offer == Offer::StartTls).run();
        heard.clear = clear.lines;
        heard.mail = clear.mail;
        if !clear.upgraded {
            return heard;
        }
    }
    let connection = ServerConnection::new(tls).unwrap();
    let mut covered = StreamOwned::new(connection, socket);
    let mut conversation = Conversation::new(&mut covered, false);
    // After STARTTLS it is the client's turn; else the server greets.
    conversation.greets = offer == Offer::Wrapped;
    conversation.refusal = refusal;
    let ended = conversation.run();
    heard.covered = ended.lines;
    heard.mail = ended.mail;
    heard
}

struct Conversation<'a, S> {
    stream: BufReader<&'a mut S>,
    greets: bool,
    start_tls: bool,
    refusal: Option<Refusal>,
    said: Said,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    mail: Option<String>,
    upgraded: bool,
}

impl<'a, S: Read + Write> Conversation<'a, S> {
    fn new(stream: &'a mut S, start_tls: bool) -> Self {
        Self {
            stream: BufReader::new(stream),
            greets: true,
            start_tls,
            refusal: None,
            said: Said::default(),
        }
    }

    /// Talks until the client quits, leaves, breaks off or asks for TLS.
    fn run(mut self) -> Said {
        // A client that refuses a certificate breaks off, which is no failure of the server.
        let _ = self.talk();
        self.said
    }

    fn talk(&mut self) -> io::Result<()> {
        if self.greets {
            self.answer("220 test")?;
        }
        while let Some(line) = self.line()? {
            let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
            self.said.lines.push(line);
            if let Some((_, answer)) = self.refusal.filter(|(refused, _)| *refused == verb) {
                self.answer(answer)?;
                continue;
            }
            match verb.as_str() {
                "EHLO" if self.start_tls => self.answer("250-test\r\n250 STARTTLS")?,
                "EHLO" => self.answer("250-test\r\n250 AUTH PLAIN LOGIN")?,
                "STARTTLS" if self.start_tls => {
                    self.answer("220 go ahead")?;
                    self.said.upgraded = true;
                    return Ok(());
                }
                "AUTH" => self.answer("235 welcome")?,
                "DATA" => {
                    self.answer("354 go ahead")?;
                    self.said.mail = Some(self.mail()?);
                    self.answer("250 taken")?;
                }
                "QUIT" => {
                    self.answer("221 bye")?;
                    return Ok(());
                }
                "MAIL" | "RCPT" => self.answer("250 ok")?,
                _ => self.answer("502 what?")?,
            }
        }
        Ok(())
    }

    fn mail(&mut self) -> io::Result<String> {
        let mut mail = String::new();
        while let Some(line) = self.line()? {
            if line == "." {
                break;
            }
            mail.push_str(&line);
            mail.push('\n');
        }
        // Quoted-printable, as far as these mails need it.
        Ok(mail.replace("=\n", "").replace("=3D", "="))
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    fn answer(&mut self, text: &str) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(text.as_bytes())?;
        stream.write_all(b"\r\n")?;
        stream.flush()
    }
}
