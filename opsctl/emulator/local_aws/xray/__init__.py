"""An X-Ray: what is put in, what can be asked, and the daemon that functions talk to."""
