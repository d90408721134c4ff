"""`POST /webhooks/{kind}/{source}`: what payment providers, shops and vendors tell by webhook."""
