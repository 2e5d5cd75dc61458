//! The command line.

use std::net::IpAddr;
use std::time::Duration;

use clap::Parser;

/// A shop that takes orders over HTTP; its state is transactional memory.
#[derive(Parser, Debug)]
pub(crate) struct Options {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,

    /// The port to listen on; 0 takes any that is free and prints it
    #[arg(long, default_value_t = 3000)]
    pub(crate) port: u16,

    /// How many workers; one per available core when not given
    #[arg(long)]
    pub(crate) workers: Option<usize>,

    /// How often the supervisor looks after busy workers
    #[arg(long, default_value = "1ms", value_parser = humantime::parse_duration)]
    pub(crate) run_interval: Duration,

    /// What is in stock at the start
    #[arg(long, value_name = "ITEM=COUNT", value_delimiter = ',', value_parser = parse_stock,
          default_values = ["apple=1000", "pear=500"])]
    pub(crate) stock: Vec<(String, u64)>,
}

fn parse_stock(text: &str) -> Result<(String, u64), String> {
    let (item, count) = text
        .split_once('=')
        .ok_or("expected ITEM=COUNT, such as apple=1000")?;
    if item.is_empty() {
        return Err("the item has no name".into());
    }
    let count = count
        .parse()
        .map_err(|error| format!("the count of {item} is not a whole number: {error}"))?;
    Ok((item.into(), count))
}
