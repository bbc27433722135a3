{
    "name": "Quick tabs",
    "version": "14.0.1.0.3",
    "author": "Quick Labs, Odoo Community Association (OCA)",
    "license": "AGPL-3",
    "depends": ["web"],
    "installable": True,
}
