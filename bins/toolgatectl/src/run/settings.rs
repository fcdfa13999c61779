//! `toolgatectl settings …`

use std::fmt::Write;
use std::path::PathBuf;

use toolgate_admin::{MailPassword, MailTested, SettingChanged, SettingListed};

use super::Context;
use crate::args::SettingsCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{clean, plain, table};

pub(super) fn run(context: &Context<'_>, command: SettingsCommand) -> Result<Exit, Failure> {
    match command {
        SettingsCommand::List => {
            context.output.many(&context.admin.list_settings()?, list)?;
        }
        SettingsCommand::Get { name } => {
            context.output.one(&context.admin.setting(&name)?, show)?;
        }
        SettingsCommand::Set { name, value } => {
            changed(context, &context.admin.set_setting(&name, &value)?)?;
        }
        SettingsCommand::Unset { name } => {
            changed(context, &context.admin.unset_setting(&name)?)?;
        }
        SettingsCommand::MailTest {
            address,
            smtp_password_file,
        } => return mail_test(context, &address, smtp_password_file),
    }
    Ok(Exit::Done)
}

fn mail_test(context: &Context<'_>, address: &str, file: Option<PathBuf>) -> Result<Exit, Failure> {
    let password = MailPassword {
        file,
        variable: context.mail_password.take(),
    };
    let tested = context.admin.test_mail(address, &password)?;
    context.output.one(&tested, mail_tested)?;
    Ok(if tested.sent {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn mail_tested(tested: &MailTested) -> String {
    let MailTested {
        to, from, server, ..
    } = tested;
    let Some(error) = &tested.error else {
        return format!("{server} took a mail from {from} to {to}\n");
    };
    let mut text = format!(
        "{server} did not take a mail from {from} to {to}: {}\n",
        clean(error)
    );
    if let Some(hint) = &tested.hint {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

fn list(settings: &[SettingListed]) -> String {
    let rows = settings.iter().map(|setting| {
        vec![
            plain(setting.name),
            plain(value(setting)),
            plain(setting.about),
        ]
    });
    table(&["SETTING", "VALUE", "WHAT IT IS"], rows, "")
}

fn show(setting: &SettingListed) -> String {
    let mut text = format!("{} = {}\n\n", setting.name, clean(&value(setting)));
    let _ = writeln!(text, "  What     {}", setting.about);
    let _ = writeln!(text, "  Must be  {}", setting.rule);
    let _ = writeln!(text, "  Default  {}", setting.default.unwrap_or("not set"));
    text
}

fn value(setting: &SettingListed) -> String {
    match (&setting.value, setting.default) {
        (Some(value), _) => value.clone(),
        (None, Some(default)) => format!("(default: {default})"),
        (None, None) => "(not set)".to_owned(),
    }
}

fn changed(context: &Context<'_>, changed: &SettingChanged) -> Result<(), Failure> {
    context.output.gateway(changed.gateway);
    context.output.one(changed, |changed| {
        let setting = &changed.setting;
        format!("{} is {} now\n", setting.name, clean(&value(setting)))
    })
}
