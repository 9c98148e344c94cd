//! The headers of a message: the table of what each combination reaches, who is challenged first, and what is answered.

mod challenge;
mod endpoint;
mod json_rpc;
mod rows;
mod table;

const V: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");
const LIST: (&str, &str) = ("Mcp-Method", "tools/list");
const CALL: (&str, &str) = ("Mcp-Method", "tools/call");
const READ: (&str, &str) = ("Mcp-Method", "resources/read");
const ORDER: (&str, &str) = ("Mcp-Name", "get_order");
