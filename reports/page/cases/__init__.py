"""All samples of a task, as scripts that its page loads when a case comes into view."""
